/**
 * RLF files: read with their name in every complaint, signed with the key that lies beside them.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LmError } from '../../engine/errors.ts';
import type { SigningKey } from '../../engine/license/keys.ts';
import { type RlfDraft, readDraft } from '../../engine/license/rlf.ts';
import type { Rlf } from '../../engine/license/types.ts';
import { RLF_BYTES_MAX } from '../../engine/limits.ts';
import { fileName, readText } from './files.ts';
import { readSigningKey } from './key-files.ts';
import { Flags } from './oclif.ts';

/** The text of an RLF or license file. Throws `bad-data`. */
export function readDataText(path: string): Promise<string> {
  return readText(path, { bytesMax: RLF_BYTES_MAX, code: 'bad-data' });
}

/** An RLF that may be unsigned. */
export async function readDraftFile(path: string): Promise<RlfDraft> {
  const text = await readDataText(path);
  return naming(path, () => readDraft(text));
}

/** An RLF whose signature is right. */
export async function readRlfFile(path: string): Promise<Rlf> {
  const { rlf, signatureError } = await readDraftFile(path);
  return naming(path, () => {
    if (signatureError !== null) throw signatureError;
    return rlf;
  });
}

/** Runs something that complains about a file's content, and adds the file to the complaint. */
export function naming<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof LmError)) throw error;
    const { code, message, hint, details } = error;
    throw new LmError(code, `${fileName(path)}: ${message}`, hint, { file: path, ...details });
  }
}

/** `--key`, for commands that sign with the admin key. */
export const adminKeyFlag = Flags.string({
  description:
    'Private key of the administrator, - for standard input. Default: admin.key beside the RLF.',
  env: 'LM_ADMIN_KEY',
  helpValue: 'FILE',
});

export async function readAdminKey(flag: string | undefined, rlf: string): Promise<SigningKey> {
  if (flag !== undefined) return readSigningKey(flag);
  const beside = join(dirname(rlf), 'admin.key');
  if (rlf !== '-' && existsSync(beside)) return readSigningKey(beside);
  const message = `There is no admin.key beside ${fileName(rlf)} to sign with.`;
  throw new LmError('config', message, 'Name the private key of the administrator with --key.');
}

/** Commands that change a file in place have no use for standard input. */
export function refuseStdin(path: string): void {
  if (path !== '-') return;
  throw new LmError('usage', 'The RLF is changed in place.', 'Name a file, not -.');
}
