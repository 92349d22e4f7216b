/** The same failure of the leader of three etcd nodes, and when one of them takes a write again. */
import { type EtcdNode, etcdWhole, startEtcd } from './etcd.ts';
import type { Failure } from './failover-pool.ts';

/** As for lm: writes go on before the failure, which falls anywhere between two heartbeats. */
const BEFORE_MS = 2_000;
const JITTER_MS = 500;
/**
 * A write that was given to a leader that is gone is not given to the next: it fails after seven
 * seconds. So a new one is begun all the time, whatever became of those before.
 */
const PUT_INTERVAL_MS = 10;
const PUT_MS_MAX = 30_000;

/** From the failure to the first write done at a survivor, by trial; in milliseconds. */
export async function failEtcd(
  directory: string,
  { failure, trials }: { readonly failure: Failure; readonly trials: number },
): Promise<number[]> {
  const nodes = await startEtcd(directory, 3);
  const times: number[] = [];
  try {
    for (let trial = 0; trial < trials; trial++) {
      process.stderr.write(`  etcd ${failure} ${trial + 1}/${trials}\n`);
      times.push(await failLeader(nodes, failure, trial));
    }
  } finally {
    await Promise.all(nodes.map((node) => node.end('SIGKILL')));
  }
  return times;
}

async function failLeader(
  nodes: readonly EtcdNode[],
  failure: Failure,
  trial: number,
): Promise<number> {
  const standings = await Promise.all(nodes.map((node) => node.standing()));
  const at = standings.findIndex(({ own, leader }) => own === leader);
  const leader = nodes[at];
  const survivors = nodes.filter((node) => node !== leader);
  const survivor = survivors[trial % survivors.length];
  if (leader === undefined || survivor === undefined) throw new Error('etcd has no leader');
  const end = performance.now() + BEFORE_MS + Math.random() * JITTER_MS;
  while (performance.now() < end) await survivor.put('before', `${trial}`);
  const failedAt = performance.now();
  leader.signal(failure);
  const ms = (await firstPut(survivor, trial)) - failedAt;
  await leader.end('SIGKILL');
  leader.start();
  await etcdWhole(nodes);
  return ms;
}

/** When the first of many writes is done, all begun after the failure. */
async function firstPut(node: EtcdNode, trial: number): Promise<number> {
  const end = performance.now() + PUT_MS_MAX;
  let doneAt: number | null = null;
  while (doneAt === null && performance.now() < end) {
    node.put('after', `${trial}`).then(
      () => {
        doneAt ??= performance.now();
      },
      () => undefined,
    );
    await Bun.sleep(PUT_INTERVAL_MS);
  }
  if (doneAt === null) throw new Error(`etcd took no write within ${PUT_MS_MAX} ms`);
  return doneAt;
}
