/** Key files: `FILE`, a private key that only its owner may read, and `FILE.pub` beside it. */
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, rmSync, type Stats } from 'node:fs';
import { LmError } from '../../engine/errors.ts';
import { publicKeyProblem, type SigningKey, signingKeyFromPem } from '../../engine/license/keys.ts';
import { quoted } from '../../engine/license/names.ts';
import { KEY_FILE_BYTES_MAX } from '../../engine/limits.ts';
import { fileName, readText, writeText } from './files.ts';
import { Flags } from './oclif.ts';

/** Reads a private key from a file or, for `-`, from standard input. Throws `config`. */
export async function readSigningKey(path: string): Promise<SigningKey> {
  const check = (stats: Stats) => refuseOthers(path, stats);
  const pem = await readText(path, { bytesMax: KEY_FILE_BYTES_MAX, code: 'config', check });
  try {
    return signingKeyFromPem(pem);
  } catch (error) {
    if (!(error instanceof LmError)) throw error;
    throw new LmError(error.code, `${fileName(path)}: ${error.message}`, error.hint);
  }
}

/** Makes a key pair, and `path` and `path.pub`. Refuses to overwrite either. */
export function makeKeyFiles(path: string): SigningKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const key = signingKeyFromPem(pem);
  refuseExisting(`${path}.pub`);
  writeText(path, pem, { mode: 0o600 });
  try {
    writeText(`${path}.pub`, `${key.publicKey}\n`, { mode: 0o644 });
  } catch (error) {
    rmSync(path);
    throw error;
  }
  return key;
}

/** A public key given as its text, or as the file that holds it. */
export const publicKeyFlag = Flags.custom<string>({
  helpValue: 'PUB',
  parse: async (text) => {
    if (text.startsWith('ed25519:')) return publicKeyOf(text, quoted(text));
    const bytesMax = KEY_FILE_BYTES_MAX;
    return publicKeyOf((await readText(text, { bytesMax, code: 'config' })).trim(), text);
  },
});

function publicKeyOf(text: string, where: string): string {
  const problem = publicKeyProblem(text);
  if (problem === null) return text;
  const hint = 'Give the one line of a FILE.pub, or the path of that file.';
  throw new LmError('usage', `${where} ${problem}.`, hint);
}

/** A secret that others can read is none; pipes and the like (process substitution) are private. */
function refuseOthers(path: string, stats: Stats): void {
  if (!stats.isFile() || (stats.mode & 0o077) === 0) return;
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
  const message = `Others than its owner may use the private key ${path} (mode ${mode}).`;
  throw new LmError('config', message, `Run \`chmod 600 ${path}\`.`);
}

function refuseExisting(path: string): void {
  if (!existsSync(path)) return;
  const hint = 'Name another file, or remove this one first if nobody needs it.';
  throw new LmError('config', `${path} exists already and is left as it is.`, hint);
}
