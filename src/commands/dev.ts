import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmError } from '../engine/errors.ts';
import { SERVERS_MAX } from '../engine/limits.ts';
import type { LicenseClient } from '../net/client/license-client.ts';
import { BaseCommand } from './shared/base-command.ts';
import { openClient } from './shared/connect.ts';
import type { DevServer } from './shared/dev-pool.ts';
import { fileError } from './shared/file-errors.ts';
import { Interrupted, interruptible } from './shared/interrupt.ts';
import { Flags } from './shared/oclif.ts';
import type { PoolLayout } from './shared/pool-layout.ts';
import { CLEAR, pause } from './shared/redraw.ts';

const REFRESH_MS = 500;
/** As many as the figures have. */
const DEMO_SERVERS = 3;

export default class Dev extends BaseCommand {
  static override readonly summary = 'Try lm: a whole pool on loopback, shown live';
  static override readonly description = `Starts a pool with made-up keys and an example license
(Application 1.0, 100 seats) in a temporary directory, prints the line that points another terminal
at it, and shows the pool until it is interrupted. Then everything is taken down and removed.

With --demo it plays figures 5 to 11 of the design on real servers, prints each distribution table
beside the expected one, and exits 0 only if all agree. That takes about half a minute.`;
  static override readonly examples = [
    '<%= config.bin %> dev',
    '<%= config.bin %> dev --servers 5',
    '<%= config.bin %> dev --demo',
  ];
  static override readonly flags = {
    servers: Flags.integer({
      description: 'How many servers.',
      default: DEMO_SERVERS,
      min: 1,
      max: SERVERS_MAX,
      helpValue: 'N',
    }),
    demo: Flags.boolean({ description: 'Play figures 5 to 11, on three servers.' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Dev);
    if (flags.demo && flags.servers !== DEMO_SERVERS) {
      const message = `The figures have ${DEMO_SERVERS} servers.`;
      throw new LmError('usage', message, 'Leave --servers out.');
    }
    const { layOutDevPool, stopDevServers } = await import('./shared/dev-pool.ts');
    const directory = temporaryDirectory();
    const servers: DevServer[] = [];
    let agrees = true;
    try {
      await interruptible(async (signal) => {
        const layout = await layOutDevPool(join(directory, 'dev'), flags.servers);
        if (flags.demo) agrees = await this.#demo(layout, servers, signal);
        else await this.#live(layout, servers, signal);
      });
    } catch (error) {
      // Ctrl-C is how this command is meant to end.
      if (!(error instanceof Interrupted)) throw error;
      if (flags.demo) this.exit(error.exitCode);
    } finally {
      await stopDevServers(servers);
      rmSync(directory, { recursive: true, force: true });
    }
    if (!agrees) this.exit(1);
  }

  async #demo(layout: PoolLayout, servers: DevServer[], signal: AbortSignal): Promise<boolean> {
    const { Demo } = await import('./shared/demo.ts');
    const demo = new Demo(layout, servers, signal, (text) => process.stdout.write(text));
    return await demo.play();
  }

  async #live(layout: PoolLayout, servers: DevServer[], signal: AbortSignal): Promise<void> {
    const { startDevServer } = await import('./shared/dev-pool.ts');
    const onLog = (text: string) => process.stderr.write(text);
    const starting = layout.servers.map((one) => startDevServer(one, { rlf: layout.rlf, onLog }));
    for (const started of await Promise.allSettled(starting)) {
      if (started.status === 'fulfilled') servers.push(started.value);
      else throw started.reason;
    }
    const nothing = { servers: undefined, trust: undefined, 'vendor-key': undefined };
    const client = await openClient({ pool: layout.card, ...nothing, insecure: false });
    try {
      await this.#show(client, { card: layout.card, servers, signal });
    } finally {
      await client.close();
    }
  }

  async #show(client: LicenseClient, { card, servers, signal }: Shown): Promise<void> {
    const { statusWords } = await import('./shared/status-words.ts');
    const { runs } = await import('./shared/dev-pool.ts');
    const onTerminal = process.stdout.isTTY === true;
    let last = guide(card, servers);
    if (!onTerminal) process.stdout.write(last);
    while (!signal.aborted) {
      if (!servers.some(runs)) throw ended(servers);
      const [status] = await client.status({ pool: true });
      if (status === undefined) throw ended(servers);
      const words =
        status instanceof LmError ? `${status.message}\n` : statusWords(status, Date.now());
      if (onTerminal) process.stdout.write(`${CLEAR}${guide(card, servers)}\n${words}`);
      else if (timeless(words) !== timeless(last)) process.stdout.write(`\n${words}`);
      last = words;
      await pause(REFRESH_MS, signal);
    }
    throw signal.reason;
  }
}

interface Shown {
  readonly card: string;
  readonly servers: readonly DevServer[];
  readonly signal: AbortSignal;
}

function guide(card: string, servers: readonly DevServer[]): string {
  const [first] = servers;
  const whom = `${first?.process.pid}  # server ${first?.name}`;
  const killing = `  kill -9 ${whom}: watch the others go on\n`;
  return `In another terminal:
  export LM_POOL=${card}
  lm request Application
  lm exec --app Application -- sleep 60
${servers.length > 2 ? killing : ''}Ctrl-C ends the pool and removes it.
`;
}

/** Where a pipe or a file takes the display, the passing of time alone is no news. */
function timeless(words: string): string {
  return words.replaceAll(/\([0-9dhms ]+\)/g, '');
}

function ended(servers: readonly DevServer[]): LmError {
  const message = servers.length === 1 ? 'The server ended.' : 'All servers ended.';
  return new LmError('unreachable', message, 'Their log is above.');
}

function temporaryDirectory(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'lm-dev-'));
  } catch (error) {
    throw fileError('config', { path: tmpdir(), doing: 'used', error });
  }
}
