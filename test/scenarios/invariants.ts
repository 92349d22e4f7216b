/**
 * What holds at every moment of every scenario: one leader a term, accounts that balance, equal
 * ledgers, and the promise (DESIGN section 2): the seats that clients may believe in are at most
 * the hard limit, or that and the deficit. Throws where it does not.
 */
import type { Core } from '../../src/engine/core.ts';
import type { LedgerState } from '../../src/engine/ledger/state.ts';
import type { ScenarioClient } from './client.ts';

interface Running {
  readonly name: string;
  readonly core: Core | null;
}

export class Invariants {
  readonly #leaders = new Map<number, string>();
  /** Of the newest state that was seen. */
  #applied = 0;
  #seatsMax = 0;

  check(servers: readonly Running[], clients: Iterable<ScenarioClient>, now: number): void {
    const ledgers = new Map<number, { name: string; bytes: Uint8Array }>();
    for (const { name, core } of servers) {
      if (core === null) continue;
      if (core.leads) this.#leads(core.term, name);
      // One that waits to be taken in knows nothing yet.
      if (core.applied === 0) continue;
      this.#takeSeats(core.state);
      const bytes = core.state.snapshot();
      const other = ledgers.get(core.applied);
      if (other !== undefined && !Buffer.from(bytes).equals(other.bytes))
        throw new Error(`${other.name} and ${name} have other ledgers at ${core.applied}`);
      ledgers.set(core.applied, { name, bytes });
    }
    this.promise(clients, now);
  }

  promise(clients: Iterable<ScenarioClient>, now: number): void {
    let seats = 0;
    for (const client of clients) seats += client.believedAt(now);
    if (seats <= this.#seatsMax) return;
    throw new Error(`at ${now} ms clients believe in ${seats} seats of ${this.#seatsMax}`);
  }

  /** A server answers: what it grants counts by what it knows. */
  answers({ state }: Core): void {
    this.#takeSeats(state);
  }

  #leads(term: number, name: string): void {
    const known = this.#leaders.get(term) ?? name;
    if (known !== name) throw new Error(`${known} and ${name} both lead in term ${term}`);
    this.#leaders.set(term, name);
  }

  #takeSeats({ applied, accounts }: LedgerState): void {
    for (const { license, hardLimit, deficit, freePool, records, rows } of accounts.values()) {
      let sum = freePool + records;
      for (const count of rows.values()) sum += count;
      if (sum !== hardLimit + deficit) throw new Error(`accounts of ${license} do not balance`);
      if (applied >= this.#applied) this.#seatsMax = hardLimit + deficit;
    }
    this.#applied = Math.max(this.#applied, applied);
  }
}
