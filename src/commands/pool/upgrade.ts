import { LmError } from '../../engine/errors.ts';
import type { LicenseClient } from '../../net/client/license-client.ts';
import { Administrator, adminFlags } from '../shared/admin.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { connectFlags, openClient } from '../shared/connect.ts';

/** Leadership may change meanwhile, and be nobody's for a moment. */
const WAIT_MS_MAX = 10_000;
const LOOK_MS = 200;
const PASSING: ReadonlySet<string> = new Set(['busy', 'no-majority']);

interface Upgraded {
  readonly format: number;
  readonly before: number;
}

export default class PoolUpgrade extends BaseCommand {
  static override readonly summary = 'Have the pool use what a later version of lm brings';
  static override readonly description =
    `Raises the format in which the pool keeps its ledger to the highest that all of its servers
understand: once each of them was stopped and started with the later version of lm, one by one.
Until then every server can be set back to the version before; from then on no server can, and none
of the earlier version can join. Refused while a server is down or runs an earlier version, which it
names. lm status --pool shows the versions, and whether there is anything to raise.`;
  static override readonly examples = ['<%= config.bin %> pool upgrade --admin-key admin.key'];
  static override readonly flags = { ...adminFlags, ...connectFlags, json: BaseCommand.json };

  override async run(): Promise<void> {
    const { flags } = await this.parse(PoolUpgrade);
    const client = await openClient(flags);
    try {
      const administrator = await Administrator.open(client, flags['admin-key']);
      const { format, before } = await upgrade(client, administrator);
      const raised = format > before;
      if (flags.json) this.printJson({ format, before, raised });
      else if (raised) this.tell(`The pool has format ${format} now; it had ${before}.`);
      else this.tell(`The pool has format ${format}, and its servers know of no later one.`);
    } finally {
      await client.close();
    }
  }
}

/** Once more where another server leads by then: what is raised already stays as it is. */
async function upgrade(client: LicenseClient, administrator: Administrator): Promise<Upgraded> {
  const end = Date.now() + WAIT_MS_MAX;
  let before: number | null = null;
  for (;;) {
    try {
      const { leader, format } = await poolNow(client);
      before ??= format;
      const details = await administrator.carryOut({ act: 'upgrade' }, leader);
      return { format: Number(details['format']), before };
    } catch (error) {
      const passes = error instanceof LmError && (PASSING.has(error.code) || isLost(error));
      if (!passes || Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}

/** The connection to the leader, and not what the leader says of others. */
function isLost({ code, details }: LmError): boolean {
  return code === 'unreachable' && details['servers'] === undefined;
}

/** @throws LmError `no-majority` where nobody leads. */
async function poolNow(client: LicenseClient): Promise<{ leader: string; format: number }> {
  const [status] = await client.status({ pool: true });
  if (status instanceof LmError) throw status;
  const leader = status?.['partial'] === true ? null : status?.['leader'];
  if (typeof leader === 'string') return { leader, format: Number(status?.['format']) };
  const message = 'No leader could be reached that could raise the format of the pool.';
  throw new LmError('no-majority', message, 'Try again once a majority of the pool is up.');
}
