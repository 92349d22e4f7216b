/** A pool of servers to measure: made with the commands of the executable itself. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ended, freePort, launch, readyLine } from './processes.ts';

export const EXECUTABLE = join(import.meta.dir, '../dist/lm');
export const SEATS = 2_000_000;
const NAMES = 'ABCDEFGHIJK';

export interface PoolServer {
  readonly name: string;
  readonly data: string;
  readonly port: number;
}

export interface BenchPool {
  readonly directory: string;
  readonly card: string;
  readonly rlf: string;
  /** In leader-priority order. */
  readonly servers: readonly PoolServer[];
  readonly first: PoolServer;
}

export interface BenchServer {
  readonly pid: number;
  /** From the start of the process to its `ready` line. */
  readonly startMs: number;
  signal(name: 'SIGSTOP' | 'SIGKILL'): void;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Ends it; returns what its log said last. */
  stop(): Promise<{ readonly flushes: number; readonly events: number }>;
}

export interface BenchLicense {
  readonly application: string;
  readonly limit: number;
  /** As `lm rlf add --distribution` takes it. Default: even. */
  readonly distribution?: string;
}

/** The license `Application` is spread evenly over the servers, `Drawn` is all in the free pool. */
export async function withPool<T>(
  size: number,
  work: (pool: BenchPool) => Promise<T>,
  licenses: readonly BenchLicense[] = [],
): Promise<T> {
  const directory = mkdtempSync(join(process.env['LM_BENCH_DIR'] ?? tmpdir(), 'lm-bench-'));
  try {
    return await work(await makePool(directory, size, licenses));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function makePool(
  directory: string,
  size: number,
  licenses: readonly BenchLicense[],
): Promise<BenchPool> {
  const at = (name: string) => join(directory, name);
  const servers: PoolServer[] = [];
  for (const name of NAMES.slice(0, size)) {
    servers.push({ name, data: at(`pool/servers/${name}`), port: await freePort() });
  }
  const [first] = servers;
  if (first === undefined) throw new Error('a pool has a server');
  const addresses = servers.map(({ name, port }) => `${name}=127.0.0.1:${port}`);
  lm('pool', 'init', 'bench', ...addresses, '-o', at('pool'));
  lm('keys', 'new', at('vendor.key'));
  const rlf = at('pool/pool.toml');
  const nothing = servers.map(({ name }) => `${name}=0`).join(',');
  const all = [
    { application: 'Application', limit: SEATS },
    { application: 'Drawn', limit: SEATS, distribution: nothing },
    ...licenses,
  ];
  for (const license of all) addLicense(license, { directory, rlf });
  return { directory, card: at('pool/bench.pool'), rlf, servers, first };
}

function addLicense(
  { application, limit, distribution }: BenchLicense,
  { directory, rlf }: { directory: string; rlf: string },
): void {
  const file = join(directory, `${application}.lic`);
  const licensed = ['--application', application, '--version', '1.0', '--limit', `${limit}`];
  const signed = ['--vendor', 'Acme', '--key', join(directory, 'vendor.key'), '--any-customer'];
  lm('code', 'sign', ...signed, ...licensed, '-o', file);
  const flags = distribution === undefined ? [] : ['--distribution', distribution];
  lm('rlf', 'add', file, '--rlf', rlf, ...flags);
}

function lm(...args: string[]): void {
  const { status, stderr } = spawnSync(EXECUTABLE, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`lm ${args.join(' ')}: ${stderr}`);
}

export async function startServer(
  { rlf, first }: BenchPool,
  { data, port }: PoolServer = first,
): Promise<BenchServer> {
  const begun = performance.now();
  const args = ['serve', '--data', data, '--rlf', rlf, '--listen', `127.0.0.1:${port}`];
  const child = launch(EXECUTABLE, args, ['ignore', 'pipe', 'pipe']);
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-10_000);
  });
  await readyLine(child, () => log);
  const startMs = performance.now() - begun;
  const stop = async () => {
    await ended(child);
    const last = log.trim().split('\n').at(-1) ?? '';
    return JSON.parse(last) as { flushes: number; events: number };
  };
  return {
    pid: child.pid ?? 0,
    startMs,
    signal: (name) => void child.kill(name),
    kill: () => ended(child, 'SIGKILL'),
    stop,
  };
}
