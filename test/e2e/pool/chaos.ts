/** One run of the chaos: a pool, its clients, what goes wrong, and what must hold all the same. */
import { Random } from '../random.ts';
import { Faults } from './faults.ts';
import { Holder, LIFETIME_MS, type Loss } from './holder.ts';
import type { PoolSite } from './pool-site.ts';
import { SeatRecord } from './seat-record.ts';

const HOLDERS = 60;
/** Both together are fewer seats than there are holders. */
const LIMITS = new Map([
  ['Tight', 12],
  ['Wide', 30],
]);
const LOOK_MS = 20;
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
  const record = new SeatRecord(LIMITS);
  const applications = [...LIMITS.keys()];
  const holders = Array.from({ length: HOLDERS }, (_, number) => {
    const client = site.connect({ holder: { user: `holder-${number}` } });
    const random = new Random(seed + number);
    return new Holder({ number, client, applications, record, random });
  });
  const faults = new Faults(site, new Random(seed));
  const looking = setInterval(() => record.look(), LOOK_MS);
  try {
    const running = holders.map((holder) => holder.run());
    await faults.run(lastsMs);
    await site.serves();
    for (const holder of holders) holder.stop();
    await Promise.all(running);
    const servedMs = await Promise.all(holders.map((holder) => holder.served(SERVED_MS_MAX)));
    await allBack(site);
    record.sweep();
    const problems = [...record.problems, ...faults.problems];
    problems.push(...holders.flatMap((holder) => holder.problems));
    problems.push(...holders.flatMap(({ losses }) => losses.map((one) => lossWords(one, faults))));
    problems.push(...logProblems(site));
    const summary = summaryOf({ record, holders, faults, slowestMs: Math.max(...servedMs) });
    return { problems: [...new Set(problems)], summary };
  } finally {
    clearInterval(looking);
    for (const holder of holders) holder.stop();
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
function lossWords({ reason, at, ...loss }: Loss, { history }: Faults): string {
  const since = history.filter((one) => one.at <= at && one.at > at - 2 * LIFETIME_MS);
  const before = since.map(
    (one) => `  ${((at - one.at) / 1_000).toFixed(1)} s before: ${one.words}`,
  );
  const details = JSON.stringify(reason.details);
  const lines = [
    `a seat was lost: ${reason.message} ${details} ${JSON.stringify(loss)}`,
    ...before,
  ];
  return lines.join('\n');
}

function logProblems(site: PoolSite): string[] {
  return site.running.flatMap((name) => {
    const errors = site.server(name).log.filter(({ level }) => level === 'error');
    return errors.map((line) => `server ${name} logged ${JSON.stringify(line)}`);
  });
}

function summaryOf(parts: {
  readonly record: SeatRecord;
  readonly holders: readonly Holder[];
  readonly faults: Faults;
  readonly slowestMs: number;
}): string {
  const { record, holders, faults, slowestMs } = parts;
  const answers = new Map<string, number>();
  for (const holder of holders) {
    for (const [code, count] of holder.answers) answers.set(code, (answers.get(code) ?? 0) + count);
  }
  const words = (counts: ReadonlyMap<string, number>) => {
    return [...counts].map(([name, count]) => `${name} ${count}`).sort();
  };
  const most = [...record.most].map(([name, count]) => `${name} ${count}/${LIMITS.get(name)}`);
  return [
    `answers: ${words(answers).join(', ')}`,
    `faults: ${words(faults.counts).join(', ')}`,
    `most held at once: ${most.join(', ')}; claimed: ${record.claims}`,
    `after healing the slowest client was served in ${Math.round(slowestMs)} ms`,
  ].join('\n');
}
