/**
 * The pool under chaos, with real processes: whatever fails, short of a majority, the clients hold
 * no more seats than were bought, keep those they hold, and are all served once it is over.
 *
 *   LM_SEED=… LM_CHAOS_SERVERS=5 LM_CHAOS_S=180 bun test test/e2e/pool/chaos.test.ts
 */
import { expect, test } from 'bun:test';
import { runSeed } from '../random.ts';
import { LICENSES, runChaos } from './chaos.ts';
import { PoolSite } from './pool-site.ts';

const SOAK = process.env['LM_SOAK'] === '1';
const seconds = Number(process.env['LM_CHAOS_S'] ?? (SOAK ? 600 : 60));
const one = process.env['LM_CHAOS_SERVERS'];
const counts = one !== undefined ? [Number(one)] : SOAK ? [3, 5, 11] : [3];

for (const count of counts) {
  test(
    `a pool of ${count} keeps its promise through ${seconds} s of failures`,
    async () => {
      const seed = runSeed();
      const replay = `LM_SEED=${seed} LM_CHAOS_SERVERS=${count} LM_CHAOS_S=${seconds}`;
      console.log(`${replay} bun test test/e2e/pool/chaos.test.ts`);
      const site = new PoolSite();
      try {
        await site.layOut(count, LICENSES);
        await site.startAll();
        const { problems, summary } = await runChaos(site, { seed, lastsMs: seconds * 1_000 });
        console.log(summary);
        expect(problems).toEqual([]);
      } finally {
        await site.close();
      }
    },
    (seconds + 150) * 1_000,
  );
}
