/**
 * Clients of the chaos in a process of their own: what they are told and believe goes to standard
 * output as JSON lines; what they are to do comes as lines of standard input, and its end ends them.
 */
import { createInterface } from 'node:readline';
import { LicenseClient } from '../../../src/net/client/index.ts';
import { Random } from '../random.ts';
import { HeldSeats } from './held-seats.ts';
import { Holder, type Loss } from './holder.ts';
import type { Belief, BeliefEnd } from './seat-record.ts';

/** What this process is started with, as JSON. */
export interface HolderGroup {
  readonly card: string;
  readonly env: Readonly<Record<string, string>>;
  readonly seed: number;
  readonly first: number;
  readonly count: number;
  readonly applications: readonly string[];
  readonly servedMsMax: number;
}

export type HolderCommand = 'stop' | 'serve';

export type HolderLine =
  | { readonly type: 'began'; readonly belief: Belief }
  | { readonly type: 'ended'; readonly end: BeliefEnd }
  | { readonly type: 'lost'; readonly loss: Loss }
  | { readonly type: 'problem'; readonly words: string }
  | { readonly type: 'answer'; readonly code: string }
  /** All hold nothing. */
  | { readonly type: 'stopped' }
  /** Each had a seat once more. */
  | { readonly type: 'served'; readonly slowestMs: number };

function say(line: HolderLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function main(group: HolderGroup): Promise<void> {
  const { card, env, seed, first, count, applications, servedMsMax } = group;
  const seats = new HeldSeats({
    began: (belief) => say({ type: 'began', belief }),
    ended: (end) => say({ type: 'ended', end }),
  });
  const clients: LicenseClient[] = [];
  const holders = Array.from({ length: count }, (_, i) => {
    const number = first + i;
    const client = new LicenseClient({ pool: card, env, holder: { user: `holder-${number}` } });
    clients.push(client);
    const random = new Random(seed + number);
    const hears = {
      lost: (loss: Loss) => say({ type: 'lost', loss }),
      problem: (words: string) => say({ type: 'problem', words }),
      answer: (code: string) => say({ type: 'answer', code }),
    };
    return new Holder({ number, client, applications, seats, random, hears });
  });
  const running = Promise.all(holders.map((holder) => holder.run()));
  for await (const line of createInterface({ input: process.stdin })) {
    const command = line as HolderCommand;
    if (command === 'stop') {
      for (const holder of holders) holder.stop();
      await running;
      say({ type: 'stopped' });
    } else {
      const took = await Promise.all(holders.map((holder) => holder.served(servedMsMax)));
      say({ type: 'served', slowestMs: Math.max(...took) });
    }
  }
  await Promise.all(clients.map((client) => client.close()));
  process.exit(0);
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as HolderGroup);
