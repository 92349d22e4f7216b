/**
 * The benchmark. It prints ratios of things measured in one run, in turn: machines differ and are
 * busy, so absolute rates are shown for orientation only.
 *
 *   bun bench/main.ts [grants] [keys] [exec] [peers] [failover] [scale] [borrow] [rollout]
 */
import { measureBorrow } from './borrow.ts';
import { measureExec } from './exec.ts';
import { measureFailover } from './failover.ts';
import { measureGrants } from './grants.ts';
import { measureKeys } from './keys.ts';
import { liveFiles, measureLive } from './live.ts';
import { measurePeers } from './peers.ts';
import { type BenchPool, withPool } from './pool.ts';
import { measureRollout } from './rollout.ts';
import { measureScale, type ScaleRow } from './scale.ts';

const PARTS: Readonly<Record<string, () => Promise<unknown>>> = {
  grants: () => withPool(1, grants),
  keys: () => withPool(1, keys),
  exec: () => withPool(1, exec),
  peers: () => withPool(1, peers),
  failover,
  scale,
  borrow,
  rollout,
};

const asked = process.argv.slice(2).filter((argument) => argument in PARTS);
const results: Record<string, unknown> = {};
for (const [name, part] of Object.entries(PARTS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  process.stderr.write(`${name}\n`);
  results[name] = await part();
}
process.stdout.write(`${JSON.stringify(results)}\n`);

async function grants(pool: BenchPool) {
  const rows = await measureGrants(pool);
  say('Durable request + release, against a bare echo on the same frames and TLS');
  console.table(
    rows.map(({ connections, depth, echoRate, lmRate, ratio, flushesPerGrant }) => ({
      connections,
      depth,
      'echo/s': Math.round(echoRate),
      'lm/s': Math.round(lmRate),
      ratio: ratio.toFixed(2),
      'flushes per grant': `1/${(1 / flushesPerGrant).toFixed(1)}`,
    })),
  );
  return rows;
}

async function keys(pool: BenchPool) {
  const result = await measureKeys(pool);
  say(`${result.keys} live keys: ${Math.round(result.bytesPerKey)} bytes of memory each`);
  say(`start with them: ${result.ratio.toFixed(2)} times reading their records from LMDB alone`);
  return result;
}

async function exec(pool: BenchPool) {
  const result = await measureExec(pool);
  say(`lm exec -- true: ${result.ratio.toFixed(2)} times a bare compiled hello`);
  return result;
}

async function peers(pool: BenchPool) {
  const rows = await measurePeers(pool);
  say('The same seat workload, durable, 64 connections one at a time');
  console.table(
    rows.map(({ name, rate, ratio, note }) => ({
      name,
      'messages/s': Math.round(rate),
      'lm against it': ratio.toFixed(2),
      note,
    })),
  );
  return rows;
}

async function failover() {
  const result = await measureFailover();
  say('Three servers, the leader fails: milliseconds until a client of a survivor has');
  console.table(
    result.rows.map(({ failure, what, medianMs, worstMs, againstEtcd, askedMs }) => ({
      failure,
      what,
      median: Math.round(medianMs),
      worst: Math.round(worstMs),
      'against etcd': againstEtcd?.toFixed(2) ?? 'no etcd here',
      asked: askedMs ?? '',
    })),
  );
  say('Survivors keep the grant window that they have, up to 3 s: most first grants come at once,');
  say('out of their own rows. A commit has to wait for the new leader, as a put of etcd has.');
  return result;
}

async function borrow() {
  const result = await measureBorrow();
  const { latencies, inCommits, inGrants, oneSided, movesPerMinute } = result;
  say('Three servers, one request at a time: milliseconds');
  console.table(
    latencies.map(({ what, medianMs, p99Ms }) => ({
      what,
      median: medianMs.toFixed(2),
      p99: p99Ms.toFixed(2),
    })),
  );
  say(`A grant that needs a loan: ${inCommits.toFixed(2)} commits (asked: 2 at most),`);
  say(`${inGrants.toFixed(2)} plain grants.`);
  const share = `${oneSided.ratio.toFixed(2)} of its plain rate (asked: 0.8)`;
  say(`One server gets all load: ${share}, ${oneSided.firstRatio.toFixed(2)} while seats move.`);
  say(`A steady, skewed load: moves in each minute: ${movesPerMinute.join(', ')}`);
  return result;
}

async function scale() {
  const { rows, alone } = await measureScale();
  const [single] = rows;
  say('Processor time for a seat taken and given back, all servers of the pool together');
  console.table([
    ...rows.map((row) => scaleLine(row, { against: single, servers: `${row.servers}` })),
    ...alone.map((row) => scaleLine(row, { against: single, servers: '1, at less' })),
  ]);
  for (const [at, row] of alone.entries()) {
    const pool = rows[at + 1];
    if (pool === undefined) continue;
    const ratio = (pool.netUs / row.netUs).toFixed(2);
    say(`${pool.servers} servers against 1 at the rate of one of them: ${ratio}`);
  }
  say('Rows compare only where as many seats are asked for at once: a busy machine makes it more.');
  return { rows, alone, live: await live() };
}

function scaleLine(
  row: ScaleRow,
  { against, servers }: { readonly against: ScaleRow | undefined; readonly servers: string },
) {
  return {
    servers,
    'grants/s': Math.round(row.rate),
    'us a grant': Math.round(row.grantUs),
    'idle taken off': Math.round(row.netUs),
    rounds: row.rounds.map(({ netUs }) => Math.round(netUs)).join(' '),
    'against 1': (row.netUs / (against?.netUs ?? Number.NaN)).toFixed(2),
    'with idle': (row.grantUs / (against?.grantUs ?? Number.NaN)).toFixed(2),
    'idle ms/s each': row.idleMs.toFixed(1),
    'grants per flush': row.grantsPerFlush.toFixed(2),
    'asked at once': row.burst.toFixed(1),
  };
}

async function live() {
  const result = await measureLive();
  if (result === null) {
    say(`Live clients: not measured, since ulimit -n is below ${liveFiles()}.`);
    return null;
  }
  const { clients, heartbeats, lost } = result;
  say(`${clients} live clients, ${heartbeats.toFixed(1)} heartbeats a second, ${lost} unanswered`);
  console.table(
    result.servers.map(({ name, cpuShare, residentBytes, emptyBytes }) => ({
      server: name,
      'processor, %': (cpuShare * 100).toFixed(1),
      'resident MB': Math.round(residentBytes / 1e6),
      'without clients': Math.round(emptyBytes / 1e6),
    })),
  );
  return result;
}

async function rollout() {
  const rows = await measureRollout();
  say('An RLF is pushed to 11 servers, while clients of all of them take seats');
  console.table(
    rows.map(({ what, licenses, megabytes, pushMs, movedMs, before, meanwhile, ...row }) => ({
      pushed: what,
      licenses,
      MB: megabytes.toFixed(1),
      'in force after, s': (pushMs / 1_000).toFixed(1),
      'seats moved after, s': (movedMs / 1_000).toFixed(1),
      'grants/s before': Math.round(before),
      meanwhile: Math.round(meanwhile),
      ratio: (meanwhile / before).toFixed(2),
      'longest gap, ms': Math.round(row.longestGapMs),
      'processor, s': (row.cpuMs / 1_000).toFixed(1),
    })),
  );
  return rows;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
