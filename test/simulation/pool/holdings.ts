/**
 * The key tables of all servers, those of dead ones as their disks have them: what clients believe
 * in is held somewhere, and nobody holds more than it was allocated.
 */
import { KeyTable } from '../../../src/engine/key-table.ts';
import type { Beliefs } from '../beliefs.ts';
import { check } from '../failure.ts';
import { licenseId } from '../licenses.ts';
import { CommutedSeat } from './commuted-seat.ts';
import type { Ledgers } from './ledgers.ts';
import type { PoolProcess, PoolServer } from './server.ts';

/** What a server that is down has on its disk. */
interface Left {
  /** Licenses of its keys by id, and when their seats were last opened there. */
  readonly keys: ReadonlyMap<string, { readonly license: string; readonly opened: number }>;
  readonly applied: number;
}

const NEVER = { boot: 0, wall: 0 };
/** For how long after it was last spoken of a key may turn up anywhere, in true milliseconds. */
const FORGOTTEN_MS = 200_000;

export class Holdings {
  readonly #servers: readonly PoolServer[];
  readonly #beliefs: Beliefs;
  readonly #ledgers: Ledgers;
  /** Ids that were asked for under, and when they were last spoken of. */
  readonly #ids = new Map<string, number>();
  readonly #left = new Map<PoolServer, Left>();
  /** Seats that nobody holds, and how much of the ledger was applied when that was first seen. */
  readonly #missing = new Map<string, number>();

  constructor(parts: {
    readonly servers: readonly PoolServer[];
    readonly beliefs: Beliefs;
    readonly ledgers: Ledgers;
  }) {
    this.#servers = parts.servers;
    this.#beliefs = parts.beliefs;
    this.#ledgers = parts.ledgers;
  }

  spokenOf(id: string, now: number): void {
    this.#ids.set(id, now);
  }

  /** Nothing is on its disk that was not when its process died, also where that is put back. */
  died(server: PoolServer, process: PoolProcess | null): void {
    if (process === null) return;
    const table = new KeyTable();
    table.recover(server.disk, 0);
    const keys = [...table.values()].map(({ id, terms: { license } }) => {
      const opened = process.core.state.accounts.get(license)?.opened.get(server.id) ?? 0;
      return [id, { license, opened }] as const;
    });
    const applied = process.core.applied;
    this.#left.set(server, { keys: new Map(keys), applied });
  }

  check(now: number): void {
    for (const server of this.#servers) {
      // An older image may hold keys that were forgotten here since.
      if (server.process !== null && !server.restored) this.#checkTable(server.process);
    }
    this.#checkBeliefs();
    this.#forget(now);
  }

  /** No more is issued than is allocated, and nothing that nobody asked for. */
  #checkTable({ core, server }: PoolProcess): void {
    if (core.keyCount === 0) return;
    const inUse = new Map<string, number>();
    let held = 0;
    for (const id of this.#ids.keys()) {
      const key = core.authorization(id, NEVER);
      if (key === null || key.isHeld) continue;
      held++;
      const license = licenseId(key);
      inUse.set(license, (inUse.get(license) ?? 0) + key.count);
    }
    for (const [license, used] of inUse) {
      const row = core.state.accounts.get(license)?.rows.get(server.id) ?? 0;
      const facts = () => ({ server: server.name, license, used, row });
      check(used <= row, 'no more is issued than is allocated', facts);
    }
    const facts = () => ({ server: server.name, held, keys: core.keyCount });
    check(held === core.keyCount, 'the key table holds what was asked for', facts);
  }

  /** A key that is to move may be in no table for a while: some server must be behind then. */
  #checkBeliefs(): void {
    const missing = new Set<string>();
    for (const { client, seat, license, count } of this.#beliefs.held()) {
      if (seat.givenUp) continue;
      if (seat instanceof CommutedSeat) {
        this.#checkRecord(seat, license);
        continue;
      }
      if (this.#isHeld(seat.id, license)) continue;
      const place = `${seat.id} ${license}`;
      missing.add(place);
      const first = this.#missing.get(place) ?? this.#ledgers.newest;
      const since = Math.max(first, this.#ledgers.moved(seat.id));
      this.#missing.set(place, since);
      const behind = this.#servers.some((server) => {
        // One that is lost is not waited for; but what it was to take over is lost with it.
        const awaited = server.lost ? this.#ledgers.moved(seat.id) : since;
        return this.#appliedBy(server) < awaited;
      });
      const facts = () => ({ client: client.name, license, count, since });
      check(behind, 'a seat that may be relied upon is held somewhere', facts);
    }
    for (const id of this.#missing.keys()) if (!missing.has(id)) this.#missing.delete(id);
  }

  /** It is at no server: whoever applied most knows of it. */
  #checkRecord({ id }: CommutedSeat, license: string): void {
    const facts = () => ({ id, license, newest: this.#ledgers.newest });
    check(this.#ledgers.isRecorded(id, license), 'a commuted seat is in a record', facts);
  }

  #isHeld(id: string, license: string): boolean {
    // A record is on the disks of servers that are all down.
    const isDown = this.#servers.every(({ process, lost }) => process === null || lost);
    if (isDown && this.#ledgers.isRecorded(id, license)) return true;
    return this.#servers.some((server) => {
      const { process } = server;
      // Once its seats are opened, whether it knows or not, its keys of before are void.
      if (process !== null && !server.restored) {
        const key = process.core.authorization(id, NEVER);
        if (key === null || licenseId(key) !== license) return false;
        const own = process.core.state.accounts.get(license)?.opened.get(server.id) ?? 0;
        return own >= this.#ledgers.opened(server, license);
      }
      const left = this.#left.get(server)?.keys.get(id);
      if (left === undefined || left.license !== license) return false;
      return left.opened >= this.#ledgers.opened(server, license);
    });
  }

  /** How much of the ledger it applied; one that is down for good is not waited for. */
  #appliedBy(server: PoolServer): number {
    const { process, restored } = server;
    if (restored) return Number.POSITIVE_INFINITY;
    if (process !== null) return process.core.applied;
    return this.#left.get(server)?.applied ?? 0;
  }

  #forget(now: number): void {
    for (const [id, at] of this.#ids) {
      if (now - at < FORGOTTEN_MS) continue;
      const held = this.#servers.some((server) => {
        const { process } = server;
        if (process === null) return this.#left.get(server)?.keys.has(id) === true;
        return process.core.authorization(id, NEVER) !== null;
      });
      if (!held) this.#ids.delete(id);
    }
  }
}
