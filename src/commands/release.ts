import { readSeatText } from '../net/client/seat-text.ts';
import { BaseCommand } from './shared/base-command.ts';
import { connectFlags, openClient } from './shared/connect.ts';
import { keyArgs, keyFlags, readKey } from './shared/key-source.ts';

export default class Release extends BaseCommand {
  static override readonly summary = 'Give a seat back';
  static override readonly description = `Ends the seat whose key lm request printed. Releasing
twice, or a seat that has ended, is no error.`;
  static override readonly examples = [
    'echo "$KEY" | <%= config.bin %> release -',
    '<%= config.bin %> release --key-file seat.key --json',
    'LM_KEY=$KEY <%= config.bin %> release',
  ];
  static override readonly args = keyArgs;
  static override readonly flags = { ...keyFlags, ...connectFlags, json: BaseCommand.json };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Release);
    const key = await readKey(args.key, flags['key-file']);
    const { instance } = readSeatText(key);
    const client = await openClient(flags, { instance });
    try {
      const { released, count } = await client.release(key);
      if (flags.json) this.printJson({ released, count });
      else if (!released) this.tell('The seat had ended already.');
    } finally {
      await client.close();
    }
  }
}
