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

type Plan = ReadonlyMap<ServerId, LineWord>;

export class Lending {
  readonly #pool: Pool;
  /** Licenses that somebody waits for, with what each server has to know of it. */
  readonly #plans = new Map<string, Plan>();
  /** Licenses to look at again. */
  readonly #touched = new Set<string>();
  #isReady = false;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Usage, accounts or who is up changed. */
  touch(license: string): void {
    this.#touched.add(license);
  }

  /** Another server leads, or this one begins to: nothing is known. */
  forget(): void {
    this.#plans.clear();
    this.#touched.clear();
    this.#isReady = false;
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

  /** Looks at what changed. Returns the servers that have something new to know. */
  plan(establishedAt: number): Set<ServerId> {
    const news = new Set<ServerId>();
    if (!this.#isReady) {
      if (!this.#knowsAll(establishedAt)) return news;
      this.#isReady = true;
      for (const server of this.#pool.state.configuration.voters) news.add(server);
    }
    for (const license of [...this.#plans.keys()]) this.#touched.add(license);
    for (const license of [...this.#touched].sort()) this.#planOf(license, news);
    this.#touched.clear();
    return news;
  }

  /** A new leader lends nothing before all that are up said who waits there. */
  #knowsAll(establishedAt: number): boolean {
    const { picture, server: self, state, time } = this.#pool;
    if (time.boot >= establishedAt + LEADER_MISSING_MS) return true;
    const others = state.configuration.voters.filter((server) => server !== self);
    return others.every((server) => picture.peer(server).ackedAt !== null);
  }

  #planOf(license: string, news: Set<ServerId>): void {
    const before = this.#plans.get(license);
    const plan = this.#made(license);
    for (const server of new Set([...(before?.keys() ?? []), ...(plan?.keys() ?? [])])) {
      if (!isSame(before?.get(server), plan?.get(server))) news.add(server);
    }
    if (plan === null) this.#plans.delete(license);
    else this.#plans.set(license, plan);
  }

  #made(license: string): Plan | null {
    const accounts = this.#pool.state.accounts.get(license);
    const places = this.#places(license);
    const heads = places.filter(({ usage }) => usage !== null && usage.headSince !== null);
    const [first] = heads.sort((a, b) => sinceOf(a) - sinceOf(b));
    if (accounts === undefined || first === undefined || first.usage === null) return null;
    const { freePool, deficit } = accounts;
    const others = places.filter((place) => place !== first);
    const free = freePool + places.reduce((sum, { available }) => sum + available, 0);
    const lacks = first.usage.headCount - first.available;
    const scarce = deficit > 0 || lacks > free - first.available;
    const keeps = scarce ? new Map() : this.#loans(license, first, { others, freePool });
    const plan = new Map<ServerId, LineWord>();
    for (const { server } of places) {
      const away = heads.filter((place) => place.server !== server).map(sinceOf);
      const othersSince = away.length === 0 ? null : Math.min(...away);
      const loan = keeps.get(server) ?? { keep: null, to: null };
      plan.set(server, { license, othersSince, free, scarce, ...loan });
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
      if (lender.isDead) this.#takeFromDead(license, lender.server, count);
      else loans.set(lender.server, { keep: lender.allocated - count, to });
    }
    return loans;
  }

  /** Its seats are nobody's: they go to the free pool, once. */
  #takeFromDead(license: string, from: ServerId, count: number): void {
    const isOnItsWay = this.#pool.proposals.pending.some(({ proposal }) => {
      return proposal.type === 'move' && proposal.license === license && proposal.from === from;
    });
    if (isOnItsWay) return;
    this.#pool.propose({ type: 'move', license, from, to: FREE_POOL, count, claim: null });
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
  // What is free is for people to read, and not news by itself.
  return (
    a.scarce === b.scarce && a.othersSince === b.othersSince && a.keep === b.keep && a.to === b.to
  );
}

function sinceOf({ usage }: Place): number {
  return usage?.headSince ?? Number.POSITIVE_INFINITY;
}
