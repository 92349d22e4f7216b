/** One run of the chaos: a pool, its clients, what goes wrong, and what must hold all the same. */
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
    await faults.run(lastsMs, () => heard.record.sweep().length > 0);
    await site.serves();
    await Promise.all(groups.map((group) => group.stop()));
    const servedMs = await Promise.all(groups.map((group) => group.serve(SERVED_MS_MAX)));
    await allBack(site);
    const losses = heard.losses.map((loss) => lossWords(loss, faults));
    const seen = [...heard.record.sweep(), ...faults.problems, ...heard.problems, ...losses];
    const problems = [...new Set([...seen, ...logProblems(site)])];
    return { problems, summary: summaryOf(heard, faults, Math.max(...servedMs)) };
  } finally {
    await Promise.all(groups.map((group) => group.end()));
  }
}

/** What the clients said. */
class Heard {
  readonly record = new SeatRecord(LIMITS);
  readonly losses: Loss[] = [];
  readonly problems: string[] = [];
  /** How often each answer came. */
  readonly answers = new Map<string, number>();

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

function summaryOf({ record, answers }: Heard, { counts }: Faults, slowestMs: number): string {
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
    `most held at once: ${most.join(', ')}; claimed: ${record.claims}`,
    `after healing the slowest client was served in ${Math.round(slowestMs)} ms`,
  ].join('\n');
}
