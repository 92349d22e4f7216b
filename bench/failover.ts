/** How soon a pool of three goes on without its leader, and how soon three nodes of etcd do. */
import { failEtcd } from './failover-etcd.ts';
import { FailoverPool, type Failure, type Trial } from './failover-pool.ts';
import { median } from './figures.ts';
import { type BenchPool, withPool } from './pool.ts';

/** Fewer for a quick look. */
const TRIALS = Number(process.env['LM_BENCH_TRIALS'] ?? 20);
const FAILURES: readonly Failure[] = ['SIGKILL', 'SIGSTOP'];

export interface FailoverRow {
  readonly failure: Failure;
  readonly what: string;
  readonly medianMs: number;
  readonly worstMs: number;
  /** The median against that of etcd's first write after the same failure; null without etcd. */
  readonly againstEtcd: number | null;
  readonly askedMs: number | null;
}

export interface FailoverResult {
  readonly rows: readonly FailoverRow[];
  readonly trials: Readonly<Record<Failure, readonly Trial[]>>;
  /** By trial; empty where etcd is not on the PATH. */
  readonly etcdMs: Readonly<Record<Failure, readonly number[]>>;
}

/** What is asked of the median, in milliseconds. */
const ASKED_MS: Readonly<Record<Failure, number>> = { SIGKILL: 500, SIGSTOP: 4_000 };

export async function measureFailover(): Promise<FailoverResult> {
  return await withPool(3, async (pool) => {
    const trials = await failLm(pool);
    const etcdMs = { SIGKILL: await etcd(pool, 'SIGKILL'), SIGSTOP: await etcd(pool, 'SIGSTOP') };
    const rows = FAILURES.flatMap((failure) => {
      return rowsOf(failure, trials[failure], etcdMs[failure]);
    });
    return { rows, trials, etcdMs };
  });
}

async function failLm(pool: BenchPool): Promise<Record<Failure, Trial[]>> {
  const trials: Record<Failure, Trial[]> = { SIGKILL: [], SIGSTOP: [] };
  const failover = await FailoverPool.start(pool);
  try {
    for (const failure of FAILURES) {
      for (let number = 0; number < TRIALS; number++) {
        process.stderr.write(`  lm ${failure} ${number + 1}/${TRIALS}\n`);
        trials[failure].push(await failover.trial(failure, number));
      }
    }
  } finally {
    await failover.stop();
  }
  return trials;
}

async function etcd({ directory }: BenchPool, failure: Failure): Promise<number[]> {
  if (Bun.which('etcd') === null) return [];
  return await failEtcd(`${directory}/etcd-${failure}`, { failure, trials: TRIALS });
}

function rowsOf(
  failure: Failure,
  trials: readonly Trial[],
  etcdMs: readonly number[],
): FailoverRow[] {
  const yardstick = etcdMs.length === 0 ? null : median(etcdMs);
  const row = (what: string, times: readonly number[], askedMs: number | null): FailoverRow => {
    const medianMs = median(times);
    const againstEtcd = yardstick === null ? null : medianMs / yardstick;
    return { failure, what, medianMs, worstMs: Math.max(...times), againstEtcd, askedMs };
  };
  const commits = (atLeader: boolean) => {
    return trials.filter((trial) => trial.atLeader === atLeader).map(({ commitMs }) => commitMs);
  };
  const asked = ASKED_MS[failure];
  const all = [
    row(
      'first new grant',
      trials.map(({ grantMs }) => grantMs),
      asked,
    ),
    row(
      'first commit',
      trials.map(({ commitMs }) => commitMs),
      asked,
    ),
    row('  asked for at the new leader', commits(true), null),
    row('  asked for at its follower', commits(false), null),
    row(
      'longest time without a grant',
      trials.map(({ gapMs }) => gapMs),
      null,
    ),
  ];
  return yardstick === null ? all : [...all, row('etcd: first put', etcdMs, null)];
}
