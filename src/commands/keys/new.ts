import { LmError } from '../../engine/errors.ts';
import { thumbprint } from '../../engine/license/keys.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { makeKeyFiles } from '../shared/key-files.ts';
import { Args } from '../shared/oclif.ts';

export default class KeysNew extends BaseCommand {
  static override readonly summary = 'Make an Ed25519 key pair';
  static override readonly description =
    'Writes the private key to FILE (PKCS#8 PEM, mode 0600) and the public key to FILE.pub, one ' +
    'line that can be handed to anyone. Vendors sign license codes with such a key, ' +
    'administrators sign RLFs. Prints the public key. Never overwrites a file.';
  static override readonly examples = [
    '<%= config.bin %> keys new vendor.key',
    '<%= config.bin %> keys new admin.key --json',
  ];
  static override readonly args = {
    file: Args.string({
      description: 'File for the private key.',
      ignoreStdin: true,
      name: 'FILE',
      required: true,
    }),
  };
  static override readonly flags = { json: BaseCommand.json };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(KeysNew);
    const { file } = args;
    if (file === '-') {
      throw new LmError('usage', 'A private key is not printed.', 'Name a file to write it to.');
    }
    const { publicKey } = makeKeyFiles(file);
    const publicFile = `${file}.pub`;
    if (flags.json) {
      const document = { file, publicFile, publicKey, thumbprint: thumbprint(publicKey) };
      return this.printJson(document);
    }
    this.tell(`Wrote ${file} (secret: keep it, and keep a copy of it offline) and ${publicFile}.`);
    process.stdout.write(`${publicKey}\n`);
  }
}
