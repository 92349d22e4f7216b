/**
 * The promise, from the clients' side (DESIGN section 2): what all of them believe to hold at a
 * moment is at most the hard limit. Every belief is an interval of the machine's boot-time clock,
 * whatever process had it.
 */

/** What one client believed: from its grant until it gave it back, lost it, or its time was over. */
export interface Belief {
  readonly id: string;
  readonly application: string;
  readonly count: number;
  readonly grantedBy: string;
  readonly from: number;
}

/** How it ended, at this server. */
export interface BeliefEnd {
  readonly id: string;
  readonly server: string;
  readonly until: number;
}

export class SeatRecord {
  readonly #limits: ReadonlyMap<string, number>;
  readonly #beliefs = new Map<string, Belief>();
  readonly #ends = new Map<string, BeliefEnd>();
  /** The most that was held at once, by application. */
  readonly most = new Map<string, number>();

  constructor(limits: ReadonlyMap<string, number>) {
    this.#limits = limits;
  }

  readonly began = (belief: Belief): void => {
    this.#beliefs.set(belief.id, belief);
  };

  readonly ended = (end: BeliefEnd): void => {
    this.#ends.set(end.id, end);
  };

  /** Seats that ended at another server than the one that issued them: they were claimed. */
  get claims(): number {
    const moved = [...this.#ends.values()].filter(({ id, server }) => {
      return this.#beliefs.get(id)?.grantedBy !== server;
    });
    return moved.length;
  }

  /** Reads the whole record, where an end comes before a beginning; where it breaks the promise. */
  sweep(): string[] {
    const steps = [...this.#beliefs.values()].flatMap((belief) => [
      { at: belief.from, belief, change: belief.count },
      { at: this.#ends.get(belief.id)?.until ?? Infinity, belief, change: -belief.count },
    ]);
    steps.sort((a, b) => a.at - b.at || a.change - b.change);
    const open = new Set<Belief>();
    const problems: string[] = [];
    for (const { at, belief, change } of steps) {
      if (change < 0) {
        open.delete(belief);
        continue;
      }
      open.add(belief);
      const { application } = belief;
      const held = [...open].filter((one) => one.application === application);
      const count = held.reduce((sum, one) => sum + one.count, 0);
      this.most.set(application, Math.max(count, this.most.get(application) ?? 0));
      const limit = this.#limits.get(application) ?? 0;
      if (count > limit) {
        const time = (at / 1_000).toFixed(3);
        const words = `${count} of ${limit} seats of ${application} at ${time}`;
        problems.push(`${words}, granted by ${sharesOf(held)}`);
      }
    }
    return problems;
  }
}

function sharesOf(held: readonly Belief[]): string {
  const by = new Map<string, number>();
  for (const { grantedBy, count } of held) by.set(grantedBy, (by.get(grantedBy) ?? 0) + count);
  return [...by]
    .map(([server, seats]) => `${server} ${seats}`)
    .sort()
    .join(', ');
}
