/** Links slower than an attempt at an election is long: the pool gets its leader all the same. */
import { expect, test } from 'bun:test';
import type { Event } from '../../src/engine/raft/events.ts';
import { DURATIONS, RAFT_LIMITS } from '../../src/engine/raft/options.ts';
import { Raft } from '../../src/engine/raft/raft.ts';
import { foundingState } from '../../src/engine/raft/types.ts';

const VOTERS = ['A', 'B', 'C'];
const END_MS = 60_000;

/** Virtual time: the next message or tick in order, every message `oneWayMs` on its way. */
class SlowPool {
  now = 0;
  readonly servers = new Map(
    VOTERS.map((id, place) => {
      const campaignDelayMs = () => 100 + place * 150;
      const options = { id, durations: DURATIONS, limits: RAFT_LIMITS, campaignDelayMs };
      return [id, new Raft(options, foundingState(VOTERS), 0)];
    }),
  );
  readonly #underWay: { readonly at: number; readonly to: string; readonly event: Event }[] = [];

  constructor(readonly oneWayMs: number) {}

  get leaders(): string[] {
    const leads = ([, raft]: [string, Raft]) => raft.status.role === 'leader';
    return [...this.servers].filter(leads).map(([id]) => id);
  }

  /** Until it is so, or time is over: whether it came to be so. */
  runUntil(isSo: () => boolean): boolean {
    while (!isSo() && this.now < END_MS) this.#next();
    return isSo();
  }

  #next(): void {
    const ticks = [...this.servers].map(([to, raft]) => {
      const at = Math.max(this.now + 1, raft.wakeAt ?? END_MS);
      return { at, to, event: { now: at, type: 'tick' } as const };
    });
    const [due] = [...this.#underWay, ...ticks].toSorted((a, b) => a.at - b.at);
    if (due === undefined) throw new Error('nothing is due');
    const place = this.#underWay.indexOf(due);
    if (place >= 0) this.#underWay.splice(place, 1);
    this.now = due.at;
    this.#step(due.to, { ...due.event, now: due.at });
  }

  #step(to: string, event: Event): void {
    const effects = this.servers.get(to)?.step(event);
    for (const message of effects?.messages ?? []) {
      const arrival: Event = { now: 0, type: 'message', message };
      this.#underWay.push({ at: this.now + this.oneWayMs, to: message.to, event: arrival });
    }
    const batch = effects?.records?.batch;
    if (batch !== undefined) this.#step(to, { now: this.now, type: 'persisted', batch });
  }
}

for (const oneWayMs of [10, 200, 400, 900]) {
  test(`a leader is elected and stays where a message is ${oneWayMs} ms on its way`, () => {
    const pool = new SlowPool(oneWayMs);
    const established = () =>
      pool.leaders.some((id) => pool.servers.get(id)?.status.established ?? false);
    expect(pool.runUntil(established)).toBe(true);
    const { now, leaders } = pool;
    const term = pool.servers.get('A')?.status.term;
    pool.runUntil(() => pool.now > now + 10_000);
    expect(pool.leaders).toEqual(leaders);
    expect(pool.servers.get('A')?.status.term).toBe(term);
  });
}
