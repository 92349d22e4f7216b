/** One run of the chaos: a pool, its clients, what goes wrong, and what must hold all the same. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../client/until.ts';
import { Random } from '../random.ts';
import { Faults } from './faults.ts';
import { LIFETIME_MS, type Loss } from './holder.ts';
import { Holders } from './holder-group.ts';
import type { HolderLine } from './holder-process.ts';
import type { PoolSite } from './pool-site.ts';
import { SeatRecord } from './seat-record.ts';

/** Processes of clients, and clients in each. */
const GROUPS = ['clients-1', 'clients-2', 'clients-3'];
const GROUP_SIZE = 20;
/** Both together are fewer seats than there are holders. */
const LIMITS = new Map([
  ['Tight', 12],
  ['Wide', 30],
]);
/** The clients take all seats within this. */
const FULL_MS_MAX = 20_000;
/** A client that reaches the majority again is served by it within this. */
const REACHED_MS_MAX = 10_000;
/** After healing, every client is served within this. */
const SERVED_MS_MAX = 10_000;
/** A leaked seat is back after its lifetime, the drift, the margin; and some for the machine. */
const BACK_MS_MAX = LIFETIME_MS * 1.01 + 200 + 15_000;

export const LICENSES = [...LIMITS].map(([application, limit]) => {
  return { application, limit, terms: ['--key-lifetime', `${LIFETIME_MS / 1_000}s`] };
});

export interface ChaosResult {
  readonly problems: readonly string[];
  readonly summary: string;
}

/** Runs it on a pool that serves; the pool is whole, and all seats are back, when it returns. */
export async function runChaos(
  site: PoolSite,
  { seed, lastsMs }: { readonly seed: number; readonly lastsMs: number },
): Promise<ChaosResult> {
  const heard = new Heard();
  const groups = GROUPS.map((name, at) => {
    const group = { card: site.card, env: site.env, seed, first: at * GROUP_SIZE };
    const more = {
      count: GROUP_SIZE,
      applications: [...LIMITS.keys()],
      servedMsMax: SERVED_MS_MAX,
    };
    const holders = new Holders(name, { ...group, ...more }, (line) => heard.take(line));
    site.network.started(name, holders.pid);
    return holders;
  });
  const faults = new Faults(site, GROUPS, new Random(seed));
  try {
    await until(() => heard.isContended, 'all seats are in use', FULL_MS_MAX);
    await faults.run(lastsMs, () => heard.record.sweep().length > 0);
    await site.serves();
    await Promise.all(groups.map((group) => group.stop()));
    const servedMs = await Promise.all(groups.map((group) => group.serve(SERVED_MS_MAX)));
    await allBack(site);
    const losses = heard.losses
      .filter(({ holder, at }) => !faults.wasOnIsland(groupOf(holder), at, REACHED_MS_MAX))
      .map((loss) => lossWords(loss, faults));
    const seen = [...heard.record.sweep(), ...faults.problems, ...heard.problems, ...losses];
    const problems = [...new Set([...seen, ...logProblems(site)])];
    if (problems.length > 0) problems.push(`the logs are in ${keepLogs(site)}`);
    return { problems, summary: summaryOf(heard, faults, Math.max(...servedMs)) };
  } finally {
    await Promise.all(groups.map((group) => group.end()));
  }
}

function groupOf(holder: number): string {
  return GROUPS[Math.floor(holder / GROUP_SIZE)] ?? '';
}

/** What the clients said. */
class Heard {
  readonly record = new SeatRecord(LIMITS);
  readonly losses: Loss[] = [];
  readonly problems: string[] = [];
  /** How often each answer came. */
  readonly answers = new Map<string, number>();

  /** All seats were in use once, but for one that is left where the first of the line wants two. */
  get isContended(): boolean {
    this.record.sweep();
    return [...LIMITS].every(([application, limit]) => {
      return (this.record.most.get(application) ?? 0) >= limit - 1;
    });
  }

  take(line: HolderLine): void {
    if (line.type === 'began') this.record.began(line.belief);
    if (line.type === 'ended') this.record.ended(line.end);
    if (line.type === 'lost') this.losses.push(line.loss);
    if (line.type === 'problem') this.problems.push(line.words);
    if (line.type === 'answer') {
      this.answers.set(line.code, (this.answers.get(line.code) ?? 0) + 1);
    }
  }
}

/** Every seat is in somebody's account, and in nobody's use. */
async function allBack(site: PoolSite): Promise<void> {
  const isBack = ({ licenses }: Awaited<ReturnType<PoolSite['serves']>>) => {
    return licenses.every(({ hardLimit, inUse, available, freePool, distribution }) => {
      const allocated = distribution.reduce((sum, row) => sum + row.allocated, freePool);
      return inUse === 0 && available === hardLimit && allocated === hardLimit;
    });
  };
  await site.when(isBack, 'all seats are back', BACK_MS_MAX);
}

/** A seat was lost though a majority of the servers was well, and one of them to be reached. */
function lossWords({ reason, at, details, ...loss }: Loss, { history }: Faults): string {
  const since = history.filter((one) => one.at <= at && one.at > at - 2 * LIFETIME_MS);
  const before = since.map(
    (one) => `  ${((at - one.at) / 1_000).toFixed(1)} s before: ${one.words}`,
  );
  const words = `a seat was lost: ${reason} ${JSON.stringify({ ...details, ...loss })}`;
  return [words, ...before].join('\n');
}

function logProblems(site: PoolSite): string[] {
  return site.running.flatMap((name) => {
    const errors = site.server(name).log.filter(({ level }) => level === 'error');
    return errors.map((line) => `server ${name} logged ${JSON.stringify(line)}`);
  });
}

/** What the servers that run logged, for whoever looks for the cause: a folder. */
function keepLogs(site: PoolSite): string {
  const folder = mkdtempSync(join(tmpdir(), 'lm-chaos-'));
  for (const name of site.running) {
    writeFileSync(join(folder, `${name}.log`), site.server(name).stderr);
  }
  return folder;
}

function summaryOf(
  { record, answers, losses }: Heard,
  { counts }: Faults,
  slowestMs: number,
): string {
  const words = (all: ReadonlyMap<string, number>) => {
    return [...all]
      .map(([name, count]) => `${name} ${count}`)
      .sort()
      .join(', ');
  };
  const most = [...record.most].map(([name, count]) => `${name} ${count}/${LIMITS.get(name)}`);
  return [
    `answers: ${words(answers)}`,
    `faults: ${words(counts)}`,
    `most held at once: ${most.join(', ')}; claimed: ${record.claims}, lost on islands: ${losses.length}`,
    `after healing the slowest client was served in ${Math.round(slowestMs)} ms`,
  ].join('\n');
}
