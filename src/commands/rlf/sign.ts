import { makeHandover } from '../../engine/license/admin-chain.ts';
import type { SigningKey } from '../../engine/license/keys.ts';
import { type RlfDraft, readDraft, readRlf } from '../../engine/license/rlf.ts';
import { bumpRlfText, handOverRlfText, signRlfText } from '../../engine/license/rlf-text.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { writeText } from '../shared/files.ts';
import { readSigningKey } from '../shared/key-files.ts';
import { Args, Flags } from '../shared/oclif.ts';
import {
  adminKeyFlag,
  naming,
  readAdminKey,
  readDataText,
  refuseStdin,
} from '../shared/rlf-files.ts';

export default class RlfSign extends BaseCommand {
  static override readonly summary = 'Sign an RLF';
  static override readonly description =
    'Checks everything in the RLF and signs it in place; only the [signature] table at its end, ' +
    'and with --bump the sequence, change. With --old-key the pool is handed over to the new key ' +
    'of --key: the old one signs that, and license codes made for the old one stay good.';
  static override readonly examples = [
    '<%= config.bin %> rlf sign pool.toml --bump --key admin.key',
    '<%= config.bin %> rlf sign pool.toml --bump --key new.key --old-key admin.key',
  ];
  static override readonly args = {
    file: Args.string({
      description: 'The RLF, changed in place.',
      ignoreStdin: true,
      name: 'FILE',
      required: true,
    }),
  };
  static override readonly flags = {
    key: adminKeyFlag,
    bump: Flags.boolean({ description: 'Add one to the sequence.' }),
    'old-key': Flags.string({
      description: 'Private key of the administrator so far, to hand the pool over to --key.',
      helpValue: 'FILE',
    }),
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(RlfSign);
    const { file } = args;
    const { bump } = flags;
    refuseStdin(file);
    const text = await readDataText(file);
    const draft = naming(file, () => readDraft(text));
    const key = await readAdminKey(flags.key, file);
    const oldKey = flags['old-key'] === undefined ? null : await readSigningKey(flags['old-key']);
    const signed = naming(file, () => signedText(text, { key, oldKey, bump }));
    writeText(file, signed, { replace: true });
    const { sequence, digest } = readRlf(signed);
    if (!bump && changedSinceSigned(text, draft)) {
      this.tell(`The RLF has changed, and its sequence is still ${sequence}: a pool that has it`);
      this.tell('already refuses this one. Sign with --bump to replace it.');
    }
    if (flags.json) return this.printJson({ file, sequence, digest, admin: key.publicKey });
    this.tell(`Wrote ${file}: sequence ${sequence}, signed by ${key.publicKey}.`);
  }
}

interface Signing {
  readonly key: SigningKey;
  readonly oldKey: SigningKey | null;
  readonly bump: boolean;
}

function signedText(text: string, { key, oldKey, bump }: Signing): string {
  const owned = oldKey === null ? text : handOverRlfText(text, makeHandover(oldKey, key.publicKey));
  return signRlfText(bump ? bumpRlfText(owned) : owned, key);
}

/** A first signature replaces nothing, so no pool can have this sequence yet. */
function changedSinceSigned(text: string, { signatureError }: RlfDraft): boolean {
  return signatureError !== null && /^[ \t]*\[signature\]/m.test(text);
}
