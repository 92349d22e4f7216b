/**
 * A rollout: an RLF of 5,000 licenses is pushed to a pool of 11 servers by the executable, while
 * clients of all servers take seats and give them back as fast as they are answered. Then one that
 * puts the seats of all of them elsewhere. What comes right after the push counts as meanwhile, too.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { signCode } from '../src/engine/license/code.ts';
import { type SigningKey, signingKeyFromPem } from '../src/engine/license/keys.ts';
import { licenseTable } from '../src/engine/license/license-file.ts';
import { bumpRlfText, signRlfText } from '../src/engine/license/rlf-text.ts';
import { KEY_LIFETIME_MS_DEFAULT, LICENSES_MAX } from '../src/engine/limits.ts';
import { BenchClient } from './client.ts';
import { type BenchPool, EXECUTABLE, startServer, withPool } from './pool.ts';
import { cpuMs } from './process-stat.ts';
import { until } from './processes.ts';

const SERVERS = 11;
/** The pool has two licenses of its own. */
const LICENSES = LICENSES_MAX - 2;
const SEATS = 10;
const CONNECTIONS = 2;
const BEFORE_MS = 10_000;
const AFTER_MS = 10_000;
/** No client asks again at once where it was told that there is no majority. */
const DENIED_PAUSE_MS = 10;
const WHOLE_MS_MAX = 60_000;
const MOVED_MS_MAX = 300_000;

export interface RolloutRow {
  readonly what: string;
  readonly licenses: number;
  readonly megabytes: number;
  /** From the start of `lm rlf push` until it ends: every server has it in force. */
  readonly pushMs: number;
  /** Until no seat is left to be moved, from the start of the push. */
  readonly movedMs: number;
  /** Seats taken and given back a second: before, and from the push until 10 s after its end. */
  readonly before: number;
  readonly meanwhile: number;
  readonly longestGapMs: number;
  /** Processor time of all servers together while it was pushed. */
  readonly cpuMs: number;
}

export async function measureRollout(): Promise<RolloutRow[]> {
  return await withPool(SERVERS, async (pool) => {
    process.stderr.write(`  ${LICENSES} licenses are signed\n`);
    const key = signingKeyFromPem(readFileSync(join(pool.directory, 'pool/admin.key'), 'utf8'));
    const first = withLicenses(pool, key);
    const second = signRlfText(bumpRlfText(elsewhere(first)), key);
    const servers = await Promise.all(pool.servers.map((place) => startServer(pool, place)));
    const clients = await Promise.all(
      Array.from({ length: CONNECTIONS }, () => pool.servers)
        .flat()
        .map(({ port }) => BenchClient.connect(port)),
    );
    const takers = clients.map((client) => new Taker(client));
    await until('a pool of which every server grants', WHOLE_MS_MAX, async () => {
      return takers.every(({ times }) => times.length > 0);
    });
    const watch = await BenchClient.connect(pool.first.port);
    const pids = servers.map(({ pid }) => pid);
    const rows: RolloutRow[] = [];
    for (const [what, text] of [
      ['new licenses', first],
      ['their seats elsewhere', second],
    ] as const) {
      process.stderr.write(`  ${what}\n`);
      rows.push(await measure(what, text, { pool, pids, takers, watch }));
    }
    await Promise.all(takers.map((taker) => taker.stop()));
    for (const client of [...clients, watch]) client.close();
    await Promise.all(servers.map((server) => server.kill()));
    return rows;
  });
}

interface Measured {
  readonly pool: BenchPool;
  readonly pids: readonly number[];
  readonly takers: readonly Taker[];
  readonly watch: BenchClient;
}

async function measure(
  what: string,
  text: string,
  { pool, pids, takers, watch }: Measured,
): Promise<RolloutRow> {
  const file = join(pool.directory, 'push.toml');
  writeFileSync(file, text);
  await Bun.sleep(BEFORE_MS);
  const cpuBefore = cpuMs(pids);
  const begun = performance.now();
  await push(pool, file);
  const pushedAt = performance.now();
  const cpu = cpuMs(pids) - cpuBefore;
  let movedAt = pushedAt;
  await until('a pool in which nothing is left to be moved', MOVED_MS_MAX, async () => {
    movedAt = performance.now();
    const { licenses } = await watch.status('Application 1');
    const [license] = licenses as { distribution: { due?: number }[] }[];
    return license?.distribution.every(({ due = 0 }) => due === 0) === true;
  });
  await Bun.sleep(Math.max(0, pushedAt + AFTER_MS - performance.now()));
  const afterAt = performance.now();
  const times = takers.flatMap((taker) => taker.times).sort((a, b) => a - b);
  const rate = (from: number, to: number) => {
    return (times.filter((at) => at >= from && at < to).length * 1_000) / (to - from);
  };
  const meanwhile = [begun, ...times.filter((at) => at > begun && at < afterAt), afterAt];
  const gaps = meanwhile.slice(1).map((at, index) => at - (meanwhile[index] ?? at));
  return {
    what,
    licenses: LICENSES,
    megabytes: text.length / 1e6,
    pushMs: pushedAt - begun,
    movedMs: movedAt - begun,
    before: rate(begun - BEFORE_MS, begun),
    meanwhile: rate(begun, afterAt),
    longestGapMs: Math.max(...gaps),
    cpuMs: cpu,
  };
}

/** Takes seats and gives them back, one at a time, and notes when. */
class Taker {
  readonly times: number[] = [];
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(client: BenchClient) {
    this.#done = this.#run(client);
  }

  async #run(client: BenchClient): Promise<void> {
    while (!this.#stopped) {
      const key = randomBytes(16);
      if ((await client.request(key)) === null) {
        await Bun.sleep(DENIED_PAUSE_MS);
        continue;
      }
      this.times.push(performance.now());
      await client.release(key);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }
}

function push({ card, directory }: BenchPool, file: string): Promise<void> {
  const args = ['rlf', 'push', file, '--wait', '5m', '--pool', card];
  const env = { ...process.env, XDG_STATE_HOME: join(directory, 'state') };
  const child = spawn(EXECUTABLE, args, { stdio: ['ignore', 'ignore', 'pipe'], env });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    said += part;
  });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(said))));
  });
}

function withLicenses({ rlf, directory, servers }: BenchPool, key: SigningKey): string {
  const vendor = signingKeyFromPem(readFileSync(join(directory, 'vendor.key'), 'utf8'));
  const distribution = new Map(servers.slice(0, SEATS).map(({ name }) => [name, 1]));
  const tables = Array.from({ length: LICENSES }, (_, at) => {
    const code = { ...CODE, id: `bench-${at}`, application: `Application ${at}` };
    return licenseTable(signCode(code, vendor), distribution);
  });
  const head = readFileSync(rlf, 'utf8').replace(/^# Written by[\s\S]*$|^\[signature[\s\S]*$/m, '');
  const text = `${head}\n${tables.join('\n')}`;
  return signRlfText(bumpRlfText(text), key);
}

/** The first server's seats of all licenses are the last one's. */
function elsewhere(text: string): string {
  return text.replaceAll('{ A = 1,', '{ K = 1,');
}

const CODE = {
  ...{ vendor: 'Acme', version: '1.0', limit: SEATS, issuedAt: 0, notBefore: null, expires: null },
  ...{ customer: null, keyLifetimeMs: KEY_LIFETIME_MS_DEFAULT, commuterDays: 0, commuterShare: 0 },
  onExpiry: 'stop',
} as const;
