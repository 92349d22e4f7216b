/**
 * Where seats of a license are still to go, since an RLF changed its limit or its distribution
 * (DESIGN section 9, Rollout). It is part of the accounts, so that a new leader goes on with it.
 *
 * What is due is fixed once, when no deficit is left to be paid first, and every seat that changes
 * rows counts, whatever for. So it only shrinks, and ends: seats that are borrowed back and forth
 * afterwards stay where they are asked for.
 */
interface Rows {
  readonly rows: ReadonlyMap<string, number>;
  readonly freePool: number;
  readonly records: number;
  readonly deficit: number;
}

interface Move {
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

type Numbers = readonly (readonly [server: string, count: number])[];

export class Redistribution {
  /** Seats by server id as they are to be; null once it is known what is due, or nothing is. */
  #target: ReadonlyMap<string, number> | null = null;
  /**
   * By server id: seats that its row is to gain, or, below zero, to give up. Invariant: none is 0;
   * between two RLFs (or dates of codes) each only moves towards it.
   */
  readonly due = new Map<string, number>();

  /** Something is left to do, or will be once the deficit is paid. */
  get isUnderWay(): boolean {
    return this.#target !== null || this.due.size > 0;
  }

  /** The rows are to become these, servers that are not named none. */
  aim(target: ReadonlyMap<string, number>, accounts: Rows): void {
    this.#target = target;
    this.due.clear();
    this.settle(accounts);
  }

  /** Seats stay where they are. */
  stop(): void {
    this.#target = null;
    this.due.clear();
  }

  /** The accounts changed: what is due is known once the deficit is paid. */
  settle({ rows, deficit }: Rows): void {
    const target = this.#target;
    if (target === null || deficit > 0) return;
    this.#target = null;
    for (const server of [...new Set([...target.keys(), ...rows.keys()])].sort()) {
      const due = (target.get(server) ?? 0) - (rows.get(server) ?? 0);
      if (due !== 0) this.due.set(server, due);
    }
  }

  /** Seats changed accounts, for whatever reason. */
  moved({ from, to, count }: Move, accounts: Rows): void {
    const given = this.due.get(from) ?? 0;
    if (given < 0) this.#put(from, Math.min(0, given + count));
    const gained = this.due.get(to) ?? 0;
    if (gained > 0) this.#put(to, Math.max(0, gained - count));
    this.settle(accounts);
    this.#end(accounts);
  }

  /** Who owed seats may have lent them, or lost them to a claim: then nobody has any to give. */
  #end({ freePool, records }: Rows): void {
    if (freePool + records > 0 || [...this.due.values()].some((due) => due < 0)) return;
    this.due.clear();
  }

  #put(server: string, due: number): void {
    if (due === 0) this.due.delete(server);
    else this.due.set(server, due);
  }

  /** The form on disk, servers in sorted order. */
  record(): unknown[] {
    const sorted = (numbers: ReadonlyMap<string, number>) => {
      return [...numbers].sort(([a], [b]) => (a < b ? -1 : 1));
    };
    return [this.#target === null ? null : sorted(this.#target), sorted(this.due)];
  }

  /** Becomes what a record says; records of before there was one have none. */
  restore(record: unknown): void {
    const [target, due] = (record ?? [null, []]) as [Numbers | null, Numbers];
    this.#target = target === null ? null : new Map(target);
    this.due.clear();
    for (const [server, count] of due) this.due.set(server, count);
  }
}
