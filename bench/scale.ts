/**
 * What a grant costs in pools of several servers: time on the processor, of all servers together,
 * at one and the same rate of grants. A server that is asked less often writes fewer grants with
 * one flush, which costs also without a pool; so one server is measured at the rate that a server
 * of each pool has, too. What is left between the two is what ledger and reports cost.
 */
import { median, sum } from './figures.ts';
import { Paced } from './paced.ts';
import { type BenchPool, type BenchServer, startServer, withPool } from './pool.ts';
import { cpuMs } from './process-stat.ts';

const SIZES = [1, 3, 5];
const ROUNDS = 2;
/** Seats taken and given back a second, and the connections that do it: of a pool as a whole. */
const RATE = 2_000;
const CONNECTIONS = 24;
const SETTLE_MS = 4_000;
const IDLE_MS = 10_000;
const WARM_MS = 2_000;
const LOAD_MS = 10_000;

export interface ScaleRow {
  readonly servers: number;
  /** Grants a second, of all servers together. */
  readonly rate: number;
  /** Median of the rounds; microseconds of processor time, all servers together. */
  readonly grantUs: number;
  /** Less what the same servers use without clients. */
  readonly netUs: number;
  /** Processor time of one server without clients: milliseconds a second. */
  readonly idleMs: number;
  readonly grantsPerFlush: number;
  /** By round, `netUs`. */
  readonly rounds: readonly number[];
}

export interface ScaleResult {
  readonly rows: readonly ScaleRow[];
  /** One server, at the rate that each server of a pool has: by the size of that pool. */
  readonly alone: readonly ScaleRow[];
}

interface Setting {
  readonly servers: number;
  readonly rate: number;
  readonly connections: number;
}

interface Sample {
  readonly grantUs: number;
  readonly netUs: number;
  readonly idleMs: number;
  readonly grantsPerFlush: number;
}

export async function measureScale(): Promise<ScaleResult> {
  const pools = SIZES.map((servers) => ({ servers, rate: RATE, connections: CONNECTIONS }));
  const alone = SIZES.filter((servers) => servers > 1).map((servers) => {
    const connections = Math.round(CONNECTIONS / servers);
    return { servers: 1, rate: RATE / servers, connections };
  });
  const settings = [...pools, ...alone];
  const samples = settings.map((): Sample[] => []);
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [at, setting] of settings.entries()) {
      const { servers, rate } = setting;
      process.stderr.write(`  ${servers} servers, ${Math.round(rate)}/s, ${round}/${ROUNDS}\n`);
      samples[at]?.push(await withPool(servers, (pool) => measure(pool, setting)));
    }
  }
  const rows = settings.map((setting, at) => rowOf(setting, samples[at] ?? []));
  return { rows: rows.slice(0, pools.length), alone: rows.slice(pools.length) };
}

function rowOf({ servers, rate }: Setting, samples: readonly Sample[]): ScaleRow {
  const of = (pick: (sample: Sample) => number) => median(samples.map(pick));
  return {
    ...{ servers, rate },
    grantUs: of(({ grantUs }) => grantUs),
    netUs: of(({ netUs }) => netUs),
    idleMs: of(({ idleMs }) => idleMs),
    grantsPerFlush: of(({ grantsPerFlush }) => grantsPerFlush),
    rounds: samples.map(({ netUs }) => netUs),
  };
}

async function measure(pool: BenchPool, { rate, connections }: Setting): Promise<Sample> {
  const servers = await Promise.all(pool.servers.map((place) => startServer(pool, place)));
  // The pool chooses its leader, and every server returns.
  await Bun.sleep(SETTLE_MS);
  const pids = servers.map(({ pid }) => pid);
  const idle = await cpuShare(pids, IDLE_MS);
  const ports = pool.servers.map(({ port }) => port);
  const paced = await Paced.start({ ports, connections, rate });
  await Bun.sleep(WARM_MS);
  const before = { granted: paced.granted, at: performance.now() };
  const loaded = await cpuShare(pids, LOAD_MS);
  const granted = paced.granted - before.granted;
  const ms = performance.now() - before.at;
  paced.check(granted, ms);
  await paced.stop();
  const flushes = await stopAll(servers);
  const perGrant = (share: number) => (share * ms * 1_000) / granted;
  return {
    grantUs: perGrant(loaded),
    netUs: perGrant(loaded - idle),
    idleMs: (idle * 1_000) / servers.length,
    grantsPerFlush: paced.granted / flushes,
  };
}

/** Of one processor, used by these processes together. */
async function cpuShare(pids: readonly number[], ms: number): Promise<number> {
  const before = { cpu: cpuMs(pids), at: performance.now() };
  await Bun.sleep(ms);
  return (cpuMs(pids) - before.cpu) / (performance.now() - before.at);
}

/** Flushes of all since their start; those of an idle pool are few. */
async function stopAll(servers: readonly BenchServer[]): Promise<number> {
  const counters = await Promise.all(servers.map((server) => server.stop()));
  return sum(counters.map(({ flushes }) => flushes));
}
