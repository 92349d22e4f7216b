/**
 * A pool whose leader fails again and again, seen by clients that are connected to the survivors
 * already: how soon a seat is granted, how soon the new leader commits something, and how long
 * nobody is served.
 */
import { Asker, Draw, takesSeat } from './asking.ts';
import { BenchClient } from './client.ts';
import { type BenchPool, type BenchServer, type PoolServer, startServer } from './pool.ts';
import { until } from './processes.ts';

export type Failure = 'SIGKILL' | 'SIGSTOP';

export interface Trial {
  /** From the failure to the first grant that was asked for after it, at the slower survivor. */
  readonly grantMs: number;
  /** From the failure to a grant whose seats an entry of the new leader had to move first. */
  readonly commitMs: number;
  /** Longest time without a grant for a client that asks all the time, at the worse survivor. */
  readonly gapMs: number;
  /** What was drawn was asked for at the server that became the leader. */
  readonly atLeader: boolean;
}

/** Eight seconds around the failure are watched. */
const BEFORE_MS = 2_000;
const AFTER_MS = 6_000;
/** Heartbeats come every half second: the failure may fall anywhere between two. */
const JITTER_MS = 500;
const WHOLE_MS_MAX = 60_000;
/** A server that was stopped never answers. */
const LOOK_MS_MAX = 250;

interface Member {
  readonly place: PoolServer;
  server: BenchServer;
  client: BenchClient;
}

interface Standing {
  readonly leader: Member;
  readonly term: number;
  /** Of all servers, as the leader sees them. */
  readonly states: readonly string[];
}

export class FailoverPool {
  readonly #pool: BenchPool;
  readonly #members: readonly Member[];

  private constructor(pool: BenchPool, members: readonly Member[]) {
    this.#pool = pool;
    this.#members = members;
  }

  static async start(pool: BenchPool): Promise<FailoverPool> {
    const started = pool.servers.map(async (place) => {
      const server = await startServer(pool, place);
      return { place, server, client: await BenchClient.connect(place.port) };
    });
    const failover = new FailoverPool(pool, await Promise.all(started));
    await failover.#whole();
    return failover;
  }

  /** `number` chooses the survivor at which something is drawn: each in turn. */
  async trial(failure: Failure, number: number): Promise<Trial> {
    const { leader, term } = await this.#standing();
    const survivors = this.#members.filter((member) => member !== leader);
    const drawer = survivors[number % survivors.length];
    if (drawer === undefined) throw new Error('the leader has followers');
    const draw = await Draw.prepare(drawer.client, drawer.place.name);
    const askers = survivors.map(({ client }) => new Asker(client));
    await Bun.sleep(BEFORE_MS + Math.random() * JITTER_MS);
    const failedAt = performance.now();
    leader.server.signal(failure);
    const commitMs = (await draw.ask()) - failedAt;
    const next = await this.#standing();
    if (next.term <= term || next.leader === leader) throw new Error('no other leader was elected');
    await Bun.sleep(Math.max(0, failedAt + AFTER_MS - performance.now()));
    await Promise.all(askers.map((asker) => asker.stop()));
    const span = { from: failedAt - BEFORE_MS, to: failedAt + AFTER_MS };
    const grantMs = Math.max(...askers.map((asker) => asker.firstAfter(failedAt))) - failedAt;
    const gapMs = Math.max(...askers.map((asker) => asker.longestGap(span)));
    await this.#restart(leader);
    return { grantMs, commitMs, gapMs, atLeader: next.leader === drawer };
  }

  async stop(): Promise<void> {
    for (const { client } of this.#members) client.close();
    await Promise.all(this.#members.map(({ server }) => server.kill()));
  }

  async #restart(member: Member): Promise<void> {
    await member.server.kill();
    member.server = await startServer(this.#pool, member.place);
    member.client = await BenchClient.connect(member.place.port);
    await this.#whole();
  }

  /** All servers are up, as their leader says, and every one of them grants. */
  async #whole(): Promise<void> {
    await until('a pool whose servers are all up', WHOLE_MS_MAX, async () => {
      const standing = await this.#look();
      if (standing === null || standing.states.some((state) => state !== 'up')) return false;
      const served = await Promise.all(this.#members.map(({ client }) => takesSeat(client)));
      return served.every((isServed) => isServed);
    });
  }

  async #standing(): Promise<Standing> {
    let standing: Standing | null = null;
    await until('a pool with a leader', WHOLE_MS_MAX, async () => {
      standing = await this.#look();
      return standing !== null;
    });
    if (standing === null) throw new Error('the pool has a leader');
    return standing;
  }

  /** Who says that it leads, in the newest term; null where nobody does. */
  async #look(): Promise<Standing | null> {
    const views = this.#members.map(async (leader): Promise<Standing | null> => {
      const asked = leader.client.status('Drawn').catch(() => null);
      const document = await Promise.race([asked, Bun.sleep(LOOK_MS_MAX).then(() => null)]);
      if (document?.['leader'] !== leader.place.name) return null;
      const servers = document['servers'] as { readonly state: string }[];
      const states = servers.map(({ state }) => state);
      return { leader, term: Number(document['term']), states };
    });
    const leading = (await Promise.all(views)).filter((view) => view !== null);
    return leading.sort((a, b) => b.term - a.term)[0] ?? null;
  }
}
