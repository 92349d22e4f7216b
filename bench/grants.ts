/** Durable request and release on one server, against the bare echo on the same frames and TLS. */
import { join } from 'node:path';
import { median } from './figures.ts';
import { type LoadResult, runLoad } from './load.ts';
import { type BenchPool, startServer } from './pool.ts';
import { ended, launch, readyLine } from './processes.ts';

const CONNECTIONS = [1, 16, 64, 256];
const DEPTHS = [1, 16];
const ROUNDS = 3;
const ROUND_MS = 1_000;

export interface GrantRow {
  readonly connections: number;
  readonly depth: number;
  /** Messages answered per second: median of the rounds. */
  readonly echoRate: number;
  readonly lmRate: number;
  /** Median of the ratios, round by round. */
  readonly ratio: number;
  readonly flushesPerGrant: number;
}

export async function measureGrants(pool: BenchPool): Promise<GrantRow[]> {
  const echo = await startEcho();
  const rows: GrantRow[] = [];
  try {
    for (const depth of DEPTHS) {
      for (const connections of CONNECTIONS) {
        rows.push(await measureRow(pool, echo.port, { connections, depth }));
      }
    }
  } finally {
    await echo.stop();
  }
  return rows;
}

async function measureRow(
  pool: BenchPool,
  echoPort: number,
  { connections, depth }: { readonly connections: number; readonly depth: number },
): Promise<GrantRow> {
  process.stderr.write(`  ${connections} connections, ${depth} deep\n`);
  const server = await startServer(pool);
  const load = { connections, depth, durationMs: ROUND_MS };
  const echoes: number[] = [];
  const grants: LoadResult[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    echoes.push((await runLoad({ ...load, port: echoPort })).rate);
    grants.push(await runLoad({ ...load, port: pool.first.port }));
  }
  const { flushes, events } = await server.stop();
  const denied = grants.reduce((sum, result) => sum + result.denied, 0);
  if (denied > 0) throw new Error(`${denied} requests were denied: nothing was measured`);
  return {
    connections,
    depth,
    echoRate: median(echoes),
    lmRate: median(grants.map(({ rate }) => rate)),
    ratio: median(grants.map(({ rate }, round) => rate / (echoes[round] ?? Number.NaN))),
    flushesPerGrant: flushes / (events / 2),
  };
}

async function startEcho(): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const script = join(import.meta.dir, 'echo.ts');
  const child = launch(process.execPath, [script], ['ignore', 'pipe', 'inherit']);
  const line = await readyLine(child, () => '');
  return { port: Number(line.trim().split('=')[1]), stop: () => ended(child) };
}
