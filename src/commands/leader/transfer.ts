import { LmError } from '../../engine/errors.ts';
import type { LicenseClient } from '../../net/client/license-client.ts';
import { Administrator, adminFlags } from '../shared/admin.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { connectFlags, openClient } from '../shared/connect.ts';
import { Args } from '../shared/oclif.ts';
import { printable } from '../shared/printable.ts';

const WAIT_MS_MAX = 10_000;
const LOOK_MS = 200;

export default class LeaderTransfer extends BaseCommand {
  static override readonly summary = 'Hand leadership to another server';
  static override readonly description = `Has the leader bring NAME up to date and hand leadership
to it, and waits until it leads. No seat is lost by it, and nobody is kept waiting for more than a
moment: before a machine is taken down, say.`;
  static override readonly examples = ['<%= config.bin %> leader transfer B --admin-key admin.key'];
  static override readonly args = {
    name: Args.string({
      description: 'The server that is to lead, as the RLF calls it.',
      required: true,
    }),
  };
  static override readonly flags = { ...adminFlags, ...connectFlags, json: BaseCommand.json };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(LeaderTransfer);
    const client = await openClient(flags);
    try {
      const administrator = await Administrator.open(client, flags['admin-key']);
      await administrator.carryOut({ act: 'transfer', to: args.name });
      const term = await waitForLeader(client, args.name);
      if (flags.json) this.printJson({ leader: args.name, term });
      else this.tell(`${printable(args.name)} leads, in term ${term}.`);
    } finally {
      await client.close();
    }
  }
}

/** The term in which it leads. */
async function waitForLeader(client: LicenseClient, name: string): Promise<number> {
  const end = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const [status] = await client.status();
    if (status !== undefined && !(status instanceof LmError) && status.leader === name) {
      return Number(status.term);
    }
    if (Date.now() > end) {
      const message = `${name} does not lead after ${WAIT_MS_MAX / 1_000} s.`;
      throw new LmError('timeout', message, 'lm status --pool shows who does.');
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
