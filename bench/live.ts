/** What many live clients cost a pool of three: processor and memory of each server. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { KEY_LIFETIME_MS_DEFAULT } from '../src/engine/limits.ts';
import { sum } from './figures.ts';
import { type BenchPool, startServer, withPool } from './pool.ts';
import { cpuMs, openFilesMax, residentBytes } from './process-stat.ts';
import { ended, launch, readyLine } from './processes.ts';

const CLIENTS = 10_000;
const SERVERS = 3;
const PROCESSES = 4;
/** Beside its clients, a server or a client process has these open at most. */
const OTHER_FILES_MAX = 100;
const SETTLE_MS = 4_000;
const MEASURE_MS = 60_000;
const PERIOD_MS = KEY_LIFETIME_MS_DEFAULT / 3;

export interface LiveServer {
  readonly name: string;
  /** Of one processor. */
  readonly cpuShare: number;
  readonly residentBytes: number;
  /** Before the first client came. */
  readonly emptyBytes: number;
}

export interface LiveResult {
  readonly clients: number;
  /** Heartbeats a second that were answered, of all clients. */
  readonly heartbeats: number;
  /** Heartbeats that were not. */
  readonly lost: number;
  readonly servers: readonly LiveServer[];
}

/** Null where the system lets a process open too few files. */
export async function measureLive(): Promise<LiveResult | null> {
  if (openFilesMax() < liveFiles()) return null;
  return await withPool(SERVERS, measure);
}

/** What `ulimit -n` has to allow. */
export function liveFiles(): number {
  return Math.ceil(Math.max(CLIENTS / SERVERS, CLIENTS / PROCESSES)) + OTHER_FILES_MAX;
}

async function measure(pool: BenchPool): Promise<LiveResult> {
  const servers = await Promise.all(pool.servers.map((place) => startServer(pool, place)));
  await Bun.sleep(SETTLE_MS);
  const pids = servers.map(({ pid }) => pid);
  const empty = pids.map(residentBytes);
  process.stderr.write(`  ${CLIENTS} clients connect\n`);
  const clients = await connectAll(pool.servers.map(({ port }) => port));
  await Bun.sleep(SETTLE_MS);
  process.stderr.write(`  ${MEASURE_MS / 1_000} s of heartbeats\n`);
  const before = pids.map((pid) => cpuMs([pid]));
  await Bun.sleep(MEASURE_MS);
  const after = pids.map((pid) => cpuMs([pid]));
  const resident = pids.map(residentBytes);
  const counts = await Promise.all(clients.map((client) => client.stop()));
  await Promise.all(servers.map((server) => server.kill()));
  const seconds = (SETTLE_MS + MEASURE_MS) / 1_000;
  return {
    clients: CLIENTS,
    heartbeats: sum(counts.map(({ alive }) => alive)) / seconds,
    lost: sum(counts.map(({ lost }) => lost)),
    servers: pool.servers.map(({ name }, at) => ({
      name,
      cpuShare: ((after[at] ?? 0) - (before[at] ?? 0)) / MEASURE_MS,
      residentBytes: resident[at] ?? 0,
      emptyBytes: empty[at] ?? 0,
    })),
  };
}

interface LiveClients {
  stop(): Promise<{ readonly alive: number; readonly lost: number }>;
}

async function connectAll(ports: readonly number[]): Promise<LiveClients[]> {
  const args = [ports.join(','), `${CLIENTS / PROCESSES}`, `${PERIOD_MS}`];
  const script = join(import.meta.dir, 'live-clients.ts');
  const children = Array.from({ length: PROCESSES }, () => {
    return launch(process.execPath, [script, ...args], ['pipe', 'pipe', 'inherit']);
  });
  const connected = children.map(async (child) => {
    await readyLine(child, () => 'see above');
    return { stop: () => stopClients(child) };
  });
  return await Promise.all(connected);
}

async function stopClients(child: ChildProcess) {
  let out = '';
  child.stdout?.on('data', (text: string) => {
    out += text;
  });
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.stdin?.end();
  await Promise.race([gone, Bun.sleep(SETTLE_MS).then(() => ended(child, 'SIGKILL'))]);
  return JSON.parse(out) as { readonly alive: number; readonly lost: number };
}
