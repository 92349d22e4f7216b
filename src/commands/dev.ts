import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Flags } from '@oclif/core';
import { LmError } from '../engine/errors.ts';
import type { LicenseClient } from '../net/client/license-client.ts';
import { BaseCommand } from './shared/base-command.ts';
import { openClient } from './shared/connect.ts';
import type { DevServer } from './shared/dev-pool.ts';
import { fileError } from './shared/file-errors.ts';
import { Interrupted, interruptible } from './shared/interrupt.ts';
import { CLEAR, pause } from './shared/redraw.ts';

const REFRESH_MS = 500;

export default class Dev extends BaseCommand {
  static override readonly summary = 'Try lm: a whole pool on loopback, shown live';
  static override readonly description = `Starts a pool with made-up keys and an example license
(Application 1.0, 100 seats) in a temporary directory, prints the line that points another terminal
at it, and shows the pool until it is interrupted. Then everything is taken down and removed.`;
  static override readonly examples = ['<%= config.bin %> dev'];
  static override readonly flags = {
    servers: Flags.integer({
      description: 'How many servers. This version serves pools of one.',
      default: 1,
      min: 1,
      max: 1,
      helpValue: 'N',
    }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Dev);
    const { layOutDevPool, startDevServer, stopDevServers } = await import('./shared/dev-pool.ts');
    const directory = temporaryDirectory();
    const servers: DevServer[] = [];
    try {
      await interruptible(async (signal) => {
        const layout = await layOutDevPool(join(directory, 'dev'), flags.servers);
        const onLog = (text: string) => process.stderr.write(text);
        for (const server of layout.servers) {
          servers.push(await startDevServer(server, { rlf: layout.rlf, onLog }));
        }
        const client = await openClient({
          pool: layout.card,
          servers: undefined,
          trust: undefined,
          'vendor-key': undefined,
          insecure: false,
        });
        try {
          await this.#show(client, { card: layout.card, servers, signal });
        } finally {
          await client.close();
        }
      });
    } catch (error) {
      // Ctrl-C is how this command is meant to end.
      if (!(error instanceof Interrupted)) throw error;
    } finally {
      await stopDevServers(servers);
      rmSync(directory, { recursive: true, force: true });
    }
  }

  async #show(client: LicenseClient, { card, servers, signal }: Shown): Promise<void> {
    const { statusWords } = await import('./shared/status-words.ts');
    const onTerminal = process.stdout.isTTY === true;
    let last = guide(card);
    if (!onTerminal) process.stdout.write(last);
    while (!signal.aborted) {
      const gone = servers.find(({ process: child }) => child.exitCode !== null);
      if (gone !== undefined) throw ended(gone.name);
      const [status] = await client.status();
      if (status === undefined || status instanceof LmError) throw status ?? ended('A');
      const words = statusWords(status, Date.now());
      if (onTerminal) process.stdout.write(`${CLEAR}${guide(card)}\n${words}`);
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

function guide(card: string): string {
  return `In another terminal:
  export LM_POOL=${card}
  lm request Application
  lm exec --app Application -- sleep 60
Ctrl-C ends the pool and removes it.
`;
}

/** Where a pipe or a file takes the display, the passing of time alone is no news. */
function timeless(words: string): string {
  return words.replaceAll(/\([0-9dhms ]+\)/g, '');
}

function ended(name: string): LmError {
  return new LmError('unreachable', `Server ${name} ended.`, 'Its log is above.');
}

function temporaryDirectory(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'lm-dev-'));
  } catch (error) {
    throw fileError('config', { path: tmpdir(), doing: 'used', error });
  }
}
