/**
 * Clients that hold a seat each and keep it alive, as an application does: a process of its own, so
 * that neither their number nor their work is that of the benchmark.
 *
 *   bun bench/live-clients.ts PORT[,PORT…] COUNT PERIOD_MS
 *
 * Says `ready` once all hold a seat, heartbeats until its standard input ends, and says how many
 * heartbeats were answered.
 */
import { randomBytes } from 'node:crypto';
import { BenchClient } from './client.ts';

interface Live {
  readonly client: BenchClient;
  readonly key: Uint8Array;
  readonly ticket: Uint8Array;
}

const HANDSHAKES_AT_ONCE = 16;
const STEP_MS = 5;

const [portList = '', count = '', period = ''] = process.argv.slice(2);
const ports = portList.split(',').map(Number);
const live: Live[] = [];
const counts = { alive: 0, lost: 0 };
let stopped = false;

await Promise.all(Array.from({ length: HANDSHAKES_AT_ONCE }, (_, chain) => hold(chain)));
process.stdin.once('end', () => {
  stopped = true;
});
process.stdin.resume();
process.stdout.write('ready\n');
await keepAlive();
process.stdout.write(`${JSON.stringify(counts)}\n`);
process.exit(0);

async function hold(chain: number): Promise<void> {
  for (let at = chain; at < Number(count); at += HANDSHAKES_AT_ONCE) {
    const client = await BenchClient.connect(ports[at % ports.length] ?? 0);
    const key = randomBytes(16);
    const ticket = await client.request(key);
    if (ticket === null) throw new Error('a seat was denied');
    live.push({ client, key, ticket });
  }
}

/** One after the other, each once a period: evenly, as clients that started at different times. */
async function keepAlive(): Promise<void> {
  const begun = performance.now();
  for (let sent = 0; !stopped; ) {
    const due = ((performance.now() - begun) * live.length) / Number(period);
    for (; sent < due; sent++) {
      const one = live[sent % live.length];
      if (one !== undefined) void heartbeat(one);
    }
    await Bun.sleep(STEP_MS);
  }
}

async function heartbeat({ client, key, ticket }: Live): Promise<void> {
  const isAlive = await client.heartbeat(key, ticket).catch(() => false);
  if (isAlive) counts.alive++;
  else counts.lost++;
}
