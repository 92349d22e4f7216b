/** A pool of one server to measure: made with the commands of the executable itself. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const EXECUTABLE = join(import.meta.dir, '../dist/lm');
export const SEATS = 2_000_000;

export interface BenchPool {
  readonly directory: string;
  readonly data: string;
  readonly card: string;
  readonly rlf: string;
  readonly port: number;
}

export interface BenchServer {
  readonly pid: number;
  /** From the start of the process to its `ready` line. */
  readonly startMs: number;
  /** Ends it; returns what its log said last. */
  stop(): Promise<{ readonly flushes: number; readonly events: number }>;
}

export async function withPool<T>(work: (pool: BenchPool) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(process.env['LM_BENCH_DIR'] ?? tmpdir(), 'lm-bench-'));
  try {
    return await work(await makePool(directory));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function makePool(directory: string): Promise<BenchPool> {
  const port = await freePort();
  const at = (name: string) => join(directory, name);
  lm('pool', 'init', 'bench', `127.0.0.1:${port}`, '-o', at('pool'));
  lm('keys', 'new', at('vendor.key'));
  const licensed = ['--application', 'Application', '--version', '1.0', '--limit', `${SEATS}`];
  const signed = ['--vendor', 'Acme', '--key', at('vendor.key'), '--any-customer'];
  lm('code', 'sign', ...signed, ...licensed, '-o', at('app.lic'));
  const rlf = at('pool/pool.toml');
  lm('rlf', 'add', at('app.lic'), '--rlf', rlf);
  return { directory, data: at('pool/servers/A'), card: at('pool/bench.pool'), rlf, port };
}

function lm(...args: string[]): void {
  const { status, stderr } = spawnSync(EXECUTABLE, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`lm ${args.join(' ')}: ${stderr}`);
}

export async function startServer({ data, rlf, port }: BenchPool): Promise<BenchServer> {
  const begun = performance.now();
  const listen = ['--listen', `127.0.0.1:${port}`];
  const child = spawn(EXECUTABLE, ['serve', '--data', data, '--rlf', rlf, ...listen], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-10_000);
  });
  await readyLine(child, () => log);
  const startMs = performance.now() - begun;
  const stop = async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
    const last = log.trim().split('\n').at(-1) ?? '';
    return JSON.parse(last) as { flushes: number; events: number };
  };
  return { pid: child.pid ?? 0, startMs, stop };
}

/** Waits for the line with which a server says that it serves. */
export function readyLine(child: ChildProcess, log: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (out.includes('\n')) resolve(out);
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`the server ended: ${log()}`)));
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = address === null || typeof address === 'string' ? 0 : address.port;
      probe.close(() => resolve(port));
    });
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
