import { keyId } from '../engine/seat-key.ts';
import { readSeatText } from '../net/client/seat-text.ts';
import { BaseCommand } from './shared/base-command.ts';
import { connectFlags, openClient } from './shared/connect.ts';
import { writeText } from './shared/files.ts';
import { keyArgs, keyFlags, readKey } from './shared/key-source.ts';

export default class Renew extends BaseCommand {
  static override readonly summary = 'Keep a seat for another key lifetime';
  static override readonly description = `Renews the seat whose key lm request printed, and prints
the key that takes the place of the old one; with --key-file, writes it there instead. A seat that
has ended is not renewed: exit 79.`;
  static override readonly examples = [
    'KEY=$(echo "$KEY" | <%= config.bin %> renew -)',
    '<%= config.bin %> renew --key-file seat.key',
  ];
  static override readonly args = keyArgs;
  static override readonly flags = { ...keyFlags, ...connectFlags, json: BaseCommand.json };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Renew);
    const file = args.key === undefined ? flags['key-file'] : undefined;
    const text = await readKey(args.key, file);
    const { instance } = readSeatText(text);
    const client = await openClient(flags, { instance });
    try {
      const { key, seat, lifetimeMs, expiresAt, verified } = await client.renew(text);
      const { application, version, vendor, count, server } = seat;
      const id = Buffer.from(keyId(seat.key)).toString('base64url');
      const document = { key, id, application, version, vendor, count, server };
      if (file !== undefined) writeText(file, `${key}\n`, { mode: 0o600, replace: true });
      if (flags.json) this.printJson({ ...document, expiresAt, lifetimeMs, verified });
      else if (file === undefined) process.stdout.write(`${key}\n`);
    } finally {
      await client.close();
    }
  }
}
