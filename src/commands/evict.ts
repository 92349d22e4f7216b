import { LmError } from '../engine/errors.ts';
import type { LicenseClient } from '../net/client/license-client.ts';
import { Administrator, adminFlags } from './shared/admin.ts';
import { BaseCommand } from './shared/base-command.ts';
import { connectFlags, openClient } from './shared/connect.ts';
import { Args, Flags } from './shared/oclif.ts';

export default class Evict extends BaseCommand {
  static override readonly summary = 'End the authorizations of somebody';
  static override readonly description = `Ends authorizations: the one with this ID (lm status shows
them), or those of a user, on a host, for an application. They are not renewed any more; a seat
comes back when its holder gives it up, at the latest when its key lifetime is over. The holder may
not take it again under the same key.

A commuted seat is used without the pool, so evicting it only writes it off: it comes back an hour
after its end, or when it is checked in. --force frees it at once: should it still be used, there is
one seat too many in use until its end.`;
  static override readonly examples = [
    '<%= config.bin %> evict 1nB1cPq8v0yqLw2H9sYf4Q --admin-key admin.key',
    '<%= config.bin %> evict --user anna --host ws17 --application Application',
    '<%= config.bin %> evict 1nB1cPq8v0yqLw2H9sYf4Q --force --admin-key admin.key',
  ];
  static override readonly args = {
    id: Args.string({ description: 'The authorization, as the status shows it.' }),
  };
  static override readonly flags = {
    user: Flags.string({ description: 'All of this user.', helpValue: 'USER' }),
    host: Flags.string({ description: 'All on this host.', helpValue: 'HOST' }),
    application: Flags.string({ description: 'All for this application.', helpValue: 'NAME' }),
    force: Flags.boolean({ description: 'Free a commuted seat before its end.' }),
    ...adminFlags,
    ...connectFlags,
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Evict);
    const { user, host, application } = flags;
    const isFiltered = [user, host, application].some((one) => one !== undefined);
    if (isFiltered === (args.id !== undefined)) {
      const message = 'Name one authorization, or whose are to end.';
      throw new LmError('usage', message, 'Give an ID, or --user, --host and --application.');
    }
    const client = await openClient(flags);
    try {
      const administrator = await Administrator.open(client, flags['admin-key']);
      const ids = args.id === undefined ? await held(client, flags) : [args.id];
      const force = flags.force ? { force: true as const } : {};
      const commuted: Record<string, unknown>[] = [];
      for (const id of ids) {
        const { freeAt } = await administrator.carryOut({ act: 'evict', id, ...force });
        if (freeAt !== undefined) commuted.push({ id, freeAt });
      }
      if (flags.json) {
        this.printJson({ evicted: ids, commuted });
        return;
      }
      const ended = ids.filter((id) => commuted.every((one) => one['id'] !== id));
      if (ids.length === 0) this.tell('Nobody holds such a seat.');
      if (ended.length > 0) this.tell(`Ended: ${ended.join(', ')}.`);
      for (const { id, freeAt } of commuted) {
        this.tell(`Written off: ${id}. It is commuted and may be in use: free at ${freeAt}.`);
      }
    } finally {
      await client.close();
    }
  }
}

async function held(
  client: LicenseClient,
  {
    user,
    host,
    application,
  }: Readonly<Record<'user' | 'host' | 'application', string | undefined>>,
): Promise<string[]> {
  const filter = { user, host, application: application?.normalize('NFC'), pool: true };
  const [status] = await client.status(filter);
  if (status === undefined || status instanceof LmError) {
    throw status ?? new LmError('config', 'No pool is named.', 'Name one with --pool or LM_POOL.');
  }
  return status.authorizations.map(({ id }) => id);
}
