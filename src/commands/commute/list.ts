import { LmError } from '../../engine/errors.ts';
import type { StatusDocument } from '../../net/client/status.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { commutedIn } from '../shared/commuted-seats.ts';
import { connectFlags, openClient } from '../shared/connect.ts';
import { Flags } from '../shared/oclif.ts';
import { failuresIn, jsonOf } from '../shared/pool-results.ts';

export default class CommuteList extends BaseCommand {
  static override readonly summary = 'Show which seats are commuted, by whom and until when';
  static override readonly description = `Lists the seats that were checked out of the pool and have
not come back. The state is written-off where an administrator gave one up for lost: it comes back
an hour after its end all the same.`;
  static override readonly examples = [
    '<%= config.bin %> commute list',
    '<%= config.bin %> commute list --user anna --json',
  ];
  static override readonly flags = {
    application: Flags.string({ description: 'Only this application.', helpValue: 'NAME' }),
    user: Flags.string({ description: 'Only the seats of this user.', helpValue: 'USER' }),
    host: Flags.string({ description: 'Only the seats of this host.', helpValue: 'HOST' }),
    ...connectFlags,
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(CommuteList);
    const { application, user, host } = flags;
    const client = await openClient(flags);
    try {
      const filter = { application: application?.normalize('NFC'), user, host };
      const results = (await client.status(filter)).map(awayIn);
      const failures = failuresIn(results);
      if (flags.json) this.printJson(jsonOf(results));
      else await this.#print(results);
      for (const { message } of flags.json ? [] : failures) this.tell(`lm: ${message}`);
    } finally {
      await client.close();
    }
  }

  async #print(results: ReturnType<typeof awayIn>[]): Promise<void> {
    const { commuterTable } = await import('../shared/status-words.ts');
    const all = results.flatMap((result) => (result instanceof LmError ? [] : result.commuted));
    if (all.length === 0) this.tell('No seat is commuted.');
    process.stdout.write(commuterTable(all, Date.now()));
  }
}

function awayIn(result: StatusDocument | LmError) {
  if (result instanceof LmError) return result;
  return { pool: result['pool'], commuted: commutedIn(result) };
}
