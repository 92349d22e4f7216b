/**
 * What it costs where seats are not where they are asked for: a request that needs a loan against a
 * plain grant and against a commit of the same three servers; a pool where one server gets all
 * load; and how often seats move while each server has its steady share of it.
 */
import { randomBytes } from 'node:crypto';
import { drawnRow } from './asking.ts';
import { BenchClient } from './client.ts';
import { median } from './figures.ts';
import { type LoadResult, runLoad } from './load.ts';
import { type BenchLicense, type BenchPool, startServer, withPool } from './pool.ts';
import { until } from './processes.ts';
import { SkewedLoad } from './skewed.ts';

/** Requests of each kind, in turn. */
const REQUESTS = Number(process.env['LM_BENCH_REQUESTS'] ?? 200);
const LENT = 1_000_000;
const HOLD_MS = 3_600_000;
const PATIENCE_MS = 10_000;
const CONNECTIONS = 256;
const ROUNDS = 5;
const ROUND_MS = 2_000;
const MINUTES = Number(process.env['LM_BENCH_MINUTES'] ?? 3);
const SERVES_MS_MAX = 60_000;

const LICENSES: readonly BenchLicense[] = [
  { application: 'Lent', limit: LENT, distribution: `A=0,B=${LENT},C=0` },
  // A is asked for more than its third, and at the end for nearly all of it.
  { application: 'One-sided', limit: CONNECTIONS + 8 },
  { application: 'Skewed', limit: 300 },
];

export interface Latency {
  readonly what: string;
  readonly medianMs: number;
  readonly p99Ms: number;
}

export interface BorrowResult {
  readonly latencies: readonly Latency[];
  /** Medians: of a loan, in commits and in plain grants. */
  readonly inCommits: number;
  readonly inGrants: number;
  readonly oneSided: {
    readonly plainRate: number;
    readonly rate: number;
    /** Median of the ratios, round by round; of the first round alone, in which seats move. */
    readonly ratio: number;
    readonly firstRatio: number;
  };
  /** Minute by minute. */
  readonly movesPerMinute: readonly number[];
}

export async function measureBorrow(): Promise<BorrowResult> {
  return await withPool(3, measure, LICENSES);
}

async function measure(pool: BenchPool): Promise<BorrowResult> {
  const servers = await Promise.all(pool.servers.map((place) => startServer(pool, place)));
  try {
    const ports = pool.servers.map(({ port }) => port);
    const clients = await Promise.all(ports.map((port) => BenchClient.connect(port)));
    const [leader, , borrower] = clients;
    if (leader === undefined || borrower === undefined) throw new Error('there are three servers');
    await serve(clients);
    const times = await latencies(leader, borrower);
    const [plain, commit, loan] = times;
    process.stderr.write('  one server gets all load\n');
    const oneSided = await loadOne(pool);
    process.stderr.write(`  a steady, skewed load for ${MINUTES} minutes\n`);
    const skewed = new SkewedLoad(clients, 'Skewed');
    const movesPerMinute = await skewed.moves(MINUTES);
    for (const client of clients) client.close();
    return {
      latencies: times,
      inCommits: (loan?.medianMs ?? Number.NaN) / (commit?.medianMs ?? Number.NaN),
      inGrants: (loan?.medianMs ?? Number.NaN) / (plain?.medianMs ?? Number.NaN),
      oneSided,
      movesPerMinute,
    };
  } finally {
    await Promise.all(servers.map((server) => server.kill()));
  }
}

/** A leads, and all grant. */
async function serve(clients: readonly BenchClient[]): Promise<void> {
  await until('a pool whose servers are all up, led by A', SERVES_MS_MAX, async () => {
    const views = await Promise.all(clients.map((client) => client.status('Lent')));
    const [first] = views;
    const states = first?.['servers'] as readonly { readonly state: string }[];
    const isWhole = views.every(({ leader, licenses }) => {
      return leader === 'A' && (licenses as unknown[]).length > 0;
    });
    return isWhole && states.every(({ state }) => state === 'up');
  });
}

/** One after the other, so that what else the machine does meets all alike. */
async function latencies(leader: BenchClient, borrower: BenchClient): Promise<Latency[]> {
  const plain: number[] = [];
  const commits: number[] = [];
  const loans: number[] = [];
  for (let number = 0; number < REQUESTS; number++) {
    if (number % 50 === 0) process.stderr.write(`  requests ${number}/${REQUESTS}\n`);
    plain.push(await timed(borrower, { application: 'Application', count: 1 }));
    // A hold is a record of the ledger: asked for at the leader it takes one commit.
    commits.push(await timed(leader, { application: 'Application', count: 1, holdMs: HOLD_MS }));
    const { available } = await drawnRow(borrower, { server: 'C', application: 'Lent' });
    loans.push(await timed(borrower, { application: 'Lent', count: available + 1 }));
  }
  return [
    latencyOf('plain grant', plain),
    latencyOf('commit (a hold at the leader)', commits),
    latencyOf('grant that needs a loan', loans),
  ];
}

async function timed(
  client: BenchClient,
  wish: { readonly application: string; readonly count: number; readonly holdMs?: number },
): Promise<number> {
  const begun = performance.now();
  const ticket = await client.request(randomBytes(16), { ...wish, patienceMs: PATIENCE_MS });
  if (ticket === null) throw new Error(`a request for ${wish.application} was denied`);
  return performance.now() - begun;
}

function latencyOf(what: string, times: readonly number[]): Latency {
  const sorted = [...times].sort((a, b) => a - b);
  const p99Ms = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  return { what, medianMs: median(times), p99Ms };
}

async function loadOne({ first }: BenchPool): Promise<BorrowResult['oneSided']> {
  const load = { port: first.port, connections: CONNECTIONS, depth: 1, durationMs: ROUND_MS };
  const plain: LoadResult[] = [];
  const oneSided: LoadResult[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    plain.push(await runLoad(load));
    oneSided.push(await runLoad({ ...load, application: 'One-sided' }));
  }
  const ratios = oneSided.map(({ rate }, round) => rate / (plain[round]?.rate ?? Number.NaN));
  return {
    plainRate: median(plain.map(({ rate }) => rate)),
    rate: median(oneSided.map(({ rate }) => rate)),
    ratio: median(ratios),
    firstRatio: ratios[0] ?? Number.NaN,
  };
}
