/**
 * Clients that wait in the line of a pool, in a process of their own. Each line of standard input
 * names one of them, and what it is to do: `ask 7` joins the line, `release 7` gives its seat back.
 * What they are told goes to standard output as JSON lines; the end of the input ends them.
 */
import { createInterface } from 'node:readline';
import { LicenseClient, LmError, type Seat } from '../../../src/net/client/index.ts';

/** What this process is started with, as JSON. */
export interface WaiterGroup {
  readonly card: string;
  readonly env: Readonly<Record<string, string>>;
  readonly application: string;
  readonly waitMs: number;
}

export type WaiterCommand = 'ask' | 'release';

export interface WaiterLine {
  readonly type: 'waits' | 'granted' | 'released' | 'lost' | 'problem';
  readonly number: number;
  /** Where it was granted. */
  readonly server?: string;
  readonly words?: string;
}

function say(line: WaiterLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

class Waiters {
  readonly #group: WaiterGroup;
  readonly #clients = new Map<number, LicenseClient>();
  readonly #seats = new Map<number, Seat>();

  constructor(group: WaiterGroup) {
    this.#group = group;
  }

  async ask(number: number): Promise<void> {
    const { card, env, application, waitMs } = this.#group;
    const client = new LicenseClient({ pool: card, env, holder: { user: `waiter-${number}` } });
    this.#clients.set(number, client);
    let told = false;
    const onWaiting = () => {
      if (!told) say({ type: 'waits', number });
      told = true;
    };
    const seat = await client.request({ application, waitMs, onWaiting });
    seat.on('lost', ({ message }) => say({ type: 'lost', number, words: message }));
    this.#seats.set(number, seat);
    say({ type: 'granted', number, server: seat.server });
  }

  async release(number: number): Promise<void> {
    await this.#seats.get(number)?.release();
    await this.#clients.get(number)?.close();
    say({ type: 'released', number });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.close()));
  }
}

async function main(group: WaiterGroup): Promise<void> {
  const waiters = new Waiters(group);
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, text] = line.split(' ') as [WaiterCommand, string];
    const number = Number(text);
    const doing = command === 'ask' ? waiters.ask(number) : waiters.release(number);
    doing.catch((error: unknown) => {
      const words = error instanceof LmError ? `${error.code}: ${error.message}` : String(error);
      say({ type: 'problem', number, words: `${command}: ${words}` });
    });
  }
  await waiters.close();
  process.exit(0);
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as WaiterGroup);
