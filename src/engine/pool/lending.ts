/**
 * The leader's part in moving seats to where they are asked for (DESIGN section 8). There is one
 * line per license, over all servers, first come first served. What its head lacks comes from the
 * free pool, else from the server with most available, which is told how many seats to keep; a
 * server that is dead and opened is not asked.
 */
import { FREE_POOL } from '../ledger/accounts.ts';
import { HEADROOM_SEATS, LEADER_MISSING_MS } from '../limits.ts';
import type { ServerId } from '../raft/types.ts';
import type { Pool } from './pool.ts';
import type { Usage } from './report.ts';
import { Rollout } from './rollout.ts';
import type { LineWord } from './word.ts';

/** A server as the line of one license sees it. */
export interface Place {
  readonly server: ServerId;
  readonly allocated: number;
  readonly available: number;
  /** Its row may be lent without asking it. */
  readonly isDead: boolean;
  readonly usage: Usage | null;
}

/** Seats of a server that is dead. */
interface Loan {
  readonly license: string;
  readonly from: ServerId;
  readonly to: ServerId | null;
  readonly count: number;
}

type Plan = ReadonlyMap<ServerId, LineWord>;

export class Lending {
  readonly #pool: Pool;
  /** Licenses that somebody waits for, with what each server has to know of it. */
  readonly #plans = new Map<string, Plan>();
  /** Licenses to look at again. */
  readonly #touched = new Set<string>();
  /** By license: who waited at servers that are gone, and may come to another one. */
  readonly #lost = new Map<string, { readonly since: number; readonly until: number }>();
  /** Servers that wait for an answer. */
  readonly #asking = new Set<ServerId>();
  readonly #rollout: Rollout;
  #isReady = false;

  constructor(pool: Pool) {
    this.#pool = pool;
    this.#rollout = new Rollout(pool);
  }

  /** Usage, accounts or who is up changed. */
  touch(license: string): void {
    this.#touched.add(license);
  }

  /** All accounts may have changed. */
  touchAll(): void {
    for (const license of this.#rollout.all()) this.#touched.add(license);
  }

  /** Another server leads, or this one begins to: nothing is known. */
  forget(): void {
    this.#plans.clear();
    this.#touched.clear();
    this.#lost.clear();
    this.#asking.clear();
    this.#rollout.forget();
    this.#isReady = false;
  }

  /** It knows who waits at all servers that are up. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** When something is to be looked at again, boot-time clock. */
  get nextDue(): number {
    return Math.min(...[...this.#lost.values()].map(({ until }) => until));
  }

  /**
   * A server is gone: for a while nobody is served who came later than those who waited there, so
   * that they can go on to another server with their places.
   */
  lost(server: ServerId): void {
    const until = this.#pool.time.boot + LEADER_MISSING_MS;
    for (const { license, headSince } of this.#pool.picture.peer(server).usage.values()) {
      if (headSince === null) continue;
      const known = this.#lost.get(license)?.since ?? headSince;
      this.#lost.set(license, { since: Math.min(known, headSince), until });
      this.touch(license);
    }
  }

  /** What a server is to know of all lines; null before the leader knows them all itself. */
  wordsFor(server: ServerId): LineWord[] | null {
    if (!this.#isReady) return null;
    const words: LineWord[] = [];
    for (const plan of this.#plans.values()) {
      const word = plan.get(server);
      if (word !== undefined) words.push(word);
    }
    return words;
  }

  /** A server said who waits there: it is told what follows, even where that is nothing new. */
  asked(server: ServerId): void {
    this.#asking.add(server);
  }

  /** Looks at what changed. Returns the servers that have something new to know. */
  plan(establishedAt: number): Set<ServerId> {
    const news = new Set<ServerId>(this.#asking);
    this.#asking.clear();
    if (!this.#isReady) {
      if (!this.#knowsAll(establishedAt)) return news;
      this.#isReady = true;
      this.#pool.clock.begin(this.#pool.standing.term);
      this.touchAll();
      for (const server of this.#pool.state.configuration.voters) news.add(server);
    }
    for (const license of [...this.#plans.keys()]) this.#touched.add(license);
    for (const license of this.#rollout.takeWaiting()) this.#touched.add(license);
    const { boot: now } = this.#pool.time;
    for (const [license, { until }] of this.#lost) if (until <= now) this.#lost.delete(license);
    for (const license of [...this.#touched].sort()) this.#planOf(license, news);
    this.#touched.clear();
    return news;
  }

  /**
   * A new leader lends nothing before all that are up said who waits there; nor, where somebody
   * waits, before those who waited at a server that is lost could go on to another one.
   */
  #knowsAll(establishedAt: number): boolean {
    const { picture, server: self, state, time, listening } = this.#pool;
    if (time.boot >= establishedAt + LEADER_MISSING_MS) return true;
    const others = state.configuration.voters.filter((server) => server !== self);
    const peers = others.map((server) => picture.peer(server));
    const usages = peers.flatMap(({ usage }) => [...usage.values()]);
    const isWaitedFor =
      listening.wasLineHeard || usages.some(({ headSince }) => headSince !== null);
    return peers.every(({ ackedAt, returns }) => {
      return ackedAt !== null && (returns === null || !isWaitedFor);
    });
  }

  #planOf(license: string, news: Set<ServerId>): void {
    const before = this.#plans.get(license);
    if (before === undefined && !this.#isAsked(license) && !this.#rollout.isDue(license)) return;
    const line = this.#made(license);
    if (line !== null) this.#rollout.pause(license);
    const plan = line ?? this.#rollout.plan(license, () => this.#places(license));
    for (const server of new Set([...(before?.keys() ?? []), ...(plan?.keys() ?? [])])) {
      if (!isSame(before?.get(server), plan?.get(server))) news.add(server);
    }
    if (plan === null) this.#plans.delete(license);
    else this.#plans.set(license, plan);
  }

  /** Somebody waits for it: most licenses that are touched need no more than this look. */
  #isAsked(license: string): boolean {
    return this.#pool.state.rlf.servers.some(({ fingerprint }) => {
      return (this.#usage(fingerprint, license)?.headSince ?? null) !== null;
    });
  }

  #made(license: string): Plan | null {
    const accounts = this.#pool.state.accounts.get(license);
    const places = this.#places(license);
    const heads = places.filter(({ usage }) => usage !== null && usage.headSince !== null);
    const [first] = heads.sort((a, b) => sinceOf(a) - sinceOf(b));
    const lostSince = this.#lost.get(license)?.since ?? null;
    if (accounts === undefined || (first === undefined && lostSince === null)) return null;
    const { freePool, deficit } = accounts;
    const others = places.filter((place) => place !== first);
    const free = freePool + places.reduce((sum, { available }) => sum + available, 0);
    const isScarce = (place: Place) => deficit > 0 || wantedBy(place, heads) > free;
    const isFirst = first !== undefined && sinceOf(first) <= (lostSince ?? sinceOf(first));
    const lends = isFirst && !isScarce(first);
    const keeps = lends ? this.#loans(license, first, { others, freePool }) : new Map();
    const plan = new Map<ServerId, LineWord>();
    for (const place of places) {
      const { server } = place;
      const scarce = isScarce(place);
      const away = heads.filter((other) => other !== place).map(sinceOf);
      if (lostSince !== null) away.push(lostSince);
      const othersSince = away.length === 0 ? null : Math.min(...away);
      const loan = keeps.get(server) ?? { keep: null, to: null };
      const others = waitingElsewhere(place, heads);
      plan.set(server, { license, othersSince, free, scarce, ...loan, ...others });
    }
    return plan;
  }

  /** Who is to lend how much for the first of the line. */
  #loans(
    license: string,
    first: Place,
    { others, freePool }: { readonly others: readonly Place[]; readonly freePool: number },
  ): Map<ServerId, { keep: number; to: ServerId | null }> {
    const loans = new Map<ServerId, { keep: number; to: ServerId | null }>();
    const lenders = [...others].sort(byMostAvailable);
    const isAlone = others.every(({ usage }) => (usage?.headSince ?? null) === null);
    const { headCount = 0, waitingSeats = 0 } = first.usage ?? {};
    const all = freePool + lenders.reduce((sum, { available }) => sum + available, 0);
    const wanted = (isAlone ? Math.max(headCount, waitingSeats) : headCount) - first.available;
    let missing = Math.min(wanted, all) - freePool;
    const [most] = lenders;
    const one = most !== undefined && most.available >= missing;
    for (const lender of lenders) {
      if (missing <= 0) break;
      const taken = Math.min(missing, lender.available);
      missing -= taken;
      // Some more, so that the next requests need not wait, but never most of what is left there.
      const spare = one ? Math.floor((lender.available - taken) / 2) : 0;
      const count = taken + Math.min(HEADROOM_SEATS, spare);
      const to = one ? first.server : null;
      if (lender.isDead) this.#takeFromDead({ license, from: lender.server, to, count });
      else loans.set(lender.server, { keep: lender.allocated - count, to });
    }
    return loans;
  }

  /** Its seats are nobody's: they are moved as it would have given them, once. */
  #takeFromDead({ license, from, to, count }: Loan): void {
    const isOnItsWay = this.#pool.proposals.pending.some(({ proposal }) => {
      return proposal.type === 'move' && proposal.license === license && proposal.from === from;
    });
    if (isOnItsWay) return;
    const move = { type: 'move', license, from, to: to ?? FREE_POOL, count, claim: null } as const;
    this.#pool.propose(move);
  }

  /** Every server as the line sees it; null before this leader knows them all. */
  places(license: string): Place[] | null {
    return this.#isReady ? this.#places(license) : null;
  }

  #places(license: string): Place[] {
    const { state, server: self } = this.#pool;
    const accounts = state.accounts.get(license);
    return state.members.all.map(({ fingerprint: server }) => {
      const allocated = accounts?.rows.get(server) ?? 0;
      const usage = this.#usage(server, license);
      const isOpened = accounts !== undefined && state.isOpened(server, accounts);
      const isDead = isOpened && server !== self;
      if (isDead) return { server, allocated, available: allocated, isDead, usage: null };
      const used = usage === null ? allocated : usage.inUse;
      return { server, allocated, available: Math.max(0, allocated - used), isDead, usage };
    });
  }

  #usage(server: ServerId, license: string): Usage | null {
    if (server === this.#pool.server) return this.#pool.reporter.usage(license);
    if (!this.#pool.isUp(server)) return null;
    return this.#pool.picture.peer(server).usage.get(license) ?? null;
  }
}

/** The order in which servers are asked to lend; ties go by priority. */
export function byMostAvailable(a: Place, b: Place): number {
  return b.available - a.available;
}

function isSame(a: LineWord | undefined, b: LineWord | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  // What is free and who waits elsewhere is for people to read, and not news by itself.
  return (
    a.scarce === b.scarce && a.othersSince === b.othersSince && a.keep === b.keep && a.to === b.to
  );
}

/** Seats until the first who waits at a place is served, or the next who comes there would be. */
function wantedBy(place: Place, heads: readonly Place[]): number {
  const earlier = heads.filter((other) => other !== place && sinceOf(other) < sinceOf(place));
  const ahead = earlier.reduce((sum, { usage }) => sum + (usage?.waitingSeats ?? 0), 0);
  return ahead + Math.max(1, place.usage?.headCount ?? 0);
}

/** How many wait at other servers, and how many of them where somebody came before all here. */
function waitingElsewhere(place: Place, heads: readonly Place[]) {
  let [elsewhere, ahead] = [0, 0];
  for (const other of heads) {
    if (other === place) continue;
    elsewhere += other.usage?.waiting ?? 0;
    if (sinceOf(other) < sinceOf(place)) ahead += other.usage?.waiting ?? 0;
  }
  return { elsewhere, ahead };
}

function sinceOf({ usage }: Place): number {
  return usage?.headSince ?? Number.POSITIVE_INFINITY;
}
