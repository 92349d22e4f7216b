/**
 * How every simulation of a pool ends: all faults stop, a leader must be found, everybody who asks
 * must be served, and when nobody asks any more every seat must come back.
 */
import type { Accounts } from '../../../src/engine/ledger/accounts.ts';
import type { HeldSeat } from '../../../src/engine/ledger/held-seats.ts';
import type { Redistribution } from '../../../src/engine/ledger/redistribution.ts';
import { LedgerState } from '../../../src/engine/ledger/state.ts';
import { check } from '../failure.ts';
import { WALL_START } from '../host.ts';
import type { Random } from '../random.ts';
import { HOLD_MS_MAX } from './client.ts';
import { DAYS_ARE_SHORT } from './commuted-seat.ts';
import { SLOWEST } from './options.ts';
import type { PoolServer } from './server.ts';
import type { PoolWorld } from './world.ts';

/** Within this time after all faults end everybody is served. */
const CALM_MS_MAX = 5 * 60_000;
const SERVED_IN_CALM = 2;
/** Seats that were to be used for long end by then. */
const HURRY_MS = 10_000;
const REPEAT_MS = 4_000;
/** Until a restart of the pool is over. */
const AWAITED_MS_MAX = 3 * 60_000;
/** How long a server may take to look for seats whose time is over, and to tell the others. */
const LATE_MS_MAX = 60_000;
/** Seats that are free are where an RLF wants them by then. */
const ROLLOUT_MS_MAX = 120_000;
/** The mark is entered at least so often. */
const MARK_LATE_MS_MAX = 70_000;

export class Ending {
  readonly #world: PoolWorld;
  readonly #random: Random;

  constructor(world: PoolWorld, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  run(): void {
    this.#becalm();
    const { clients, agenda } = this.#world;
    const served = () => clients.every((one) => one.servedInCalm >= SERVED_IN_CALM);
    this.#world.runUntil(agenda.now + CALM_MS_MAX, served);
    const facts = () => ({
      served: clients.map((one) => one.servedInCalm),
      servers: this.#world.servers.map((server) => this.#facts(server)),
    });
    check(served(), 'everybody who keeps asking is served', facts);
    this.#close();
    this.#rollOut();
    this.#world.upgrade?.finish();
  }

  /**
   * The same licenses, spread in another way: with all seats free it comes out as the RLF says. What
   * was lent before and is on its way yet may go elsewhere: then the next one does.
   */
  #rollOut(): void {
    if (this.#spread()) return;
    check(this.#spread(), 'a rollout comes to its end', () => {
      return this.#world.servers.map((one) => this.#facts(one));
    });
  }

  /** Whether it came out so. */
  #spread(): boolean {
    const world = this.#world;
    const { sequence, rows } = world.rlfs.drawSpread();
    this.#push(sequence);
    const isSpread = () => {
      return world.servers.every((server) => {
        const { process } = server;
        if (process === null || !this.#isOfPool(server)) return true;
        const { rlf, accounts } = process.core.state;
        return rlf.sequence === sequence && [...accounts.values()].every((one) => fits(one));
      });
    };
    const fits = ({ license, rows: now, redistribution }: Accounts) => {
      const seats = rows.get(license);
      if (seats === undefined || redistribution.due.size > 0) return this.#isStuck(redistribution);
      return [...seats].every(([server, count]) => (now.get(server) ?? 0) === count);
    };
    const end = world.agenda.now + ROLLOUT_MS_MAX;
    while (world.agenda.now < end && !isSpread()) world.runUntil(world.agenda.now + 1_000);
    return isSpread();
  }

  /** Nothing is left to do but by a server that is gone for good. */
  #isStuck({ due }: Redistribution): boolean {
    return due.size === 0 || [...due.keys()].some((server) => this.#isBanned(server));
  }

  /** All faults end, and an RLF comes that has seats for everybody. */
  #becalm(): void {
    const world = this.#world;
    world.trace(() => 'calm');
    world.calm = true;
    world.faults.stop();
    world.upgrade?.settle();
    world.network.heal();
    world.strays.stop();
    for (const client of world.clients) {
      for (const path of client.paths) path.heal();
      client.hurry(HURRY_MS);
    }
    for (const server of world.servers) {
      // Those that are back are yet to be refused.
      if (server.lost && !server.isBack) server.banned = true;
      server.held = false;
      world.start(server, this.#random.chance(0.3));
    }
    world.hangUpUnused();
    const listed = world.members?.remaining() ?? null;
    const sequence = world.rlfs.drawFinal(listed);
    if (listed !== null) world.members?.enlist(listed, sequence);
    this.#push(sequence);
  }

  /** As `lm rlf push` does: until it is in force everywhere. */
  #push(sequence: number): void {
    const { servers, agenda } = this.#world;
    const up = servers.filter((one) => one.process !== null && this.#isOfPool(one));
    // New licenses would bring a restart on its way that is stuck.
    const awaits = ({ process }: PoolServer) => (process?.core.state.awaited.length ?? 0) > 0;
    if (up.some(awaits) && up.every(({ process }) => process?.core.ready !== true)) {
      const isLate = agenda.now > this.#world.options.durationMs + AWAITED_MS_MAX;
      check(!isLate, 'what was granted before a restart ends', () => up.map(({ name }) => name));
      agenda.after(REPEAT_MS, () => this.#push(sequence));
      return;
    }
    const behind = up.filter(({ process }) => process?.core.state.rlf.sequence !== sequence);
    if (up.length > 0 && behind.length === 0) return;
    if (behind.length > 0) this.#world.offer(this.#random.pick(behind), sequence);
    agenda.after(REPEAT_MS, () => this.#push(sequence));
  }

  /** Nobody asks for anything new: every seat comes back. */
  #close(): void {
    const world = this.#world;
    world.closing = true;
    for (const client of world.clients) client.finish();
    const lifetimeMs = Math.max(HOLD_MS_MAX, ...world.options.licenses.lifetimesMs);
    const last = world.servers.filter((server) => this.#isOfPool(server));
    const back = () => last.every((server) => this.#isBack(server));
    // A second at a time: it is not looked at after every step.
    const end = world.agenda.now + 2 * (1.02 * lifetimeMs + LATE_MS_MAX);
    while (world.agenda.now < end && !back()) world.runUntil(world.agenda.now + 1_000);
    check(back(), 'every seat comes back', () => world.servers.map((one) => this.#facts(one)));
    for (const { restored, lost, banned, name } of world.servers) {
      const isRefused = banned || !last.some((server) => server.name === name);
      check(!restored || isRefused, 'a server that was rolled back is refused', () => name);
      check(!lost || banned, 'a server that was left behind is refused', () => name);
    }
    this.#checkRows(last);
    this.#checkActs();
    this.#checkMark();
    this.#checkSecret(last);
  }

  /** What those held that are not in the pool any more passed on. */
  #checkRows(last: readonly PoolServer[]): void {
    for (const { process, name } of last) {
      for (const { rows, license } of process?.core.state.accounts.values() ?? []) {
        const gone = [...rows.keys()].filter((id) => last.every((server) => server.id !== id));
        check(gone.length === 0, 'who left has no row', () => ({ name, license, gone }));
      }
    }
  }

  /** What was said to a server of an epoch before did nothing. */
  #checkActs(): void {
    const { servers, faults } = this.#world;
    for (const { process, name } of servers) {
      const evicted = [...(process?.core.state.evicted.keys() ?? [])];
      const isOld = evicted.some((id) => faults.administrator.oldIds.has(id));
      check(!isOld, 'an act of an epoch before does nothing', () => name);
    }
  }

  /** Nobody who left the pool knows by which secret it signs, but where there were too many. */
  #checkSecret(last: readonly PoolServer[]): void {
    const known = new Set<string>();
    const isStale = ({ process }: PoolServer) => {
      const { isStale: stale = false, full = false } = process?.core.state.secrets ?? {};
      return stale && !full;
    };
    const world = this.#world;
    const end = world.agenda.now + LATE_MS_MAX;
    while (world.agenda.now < end && last.some(isStale)) world.runUntil(world.agenda.now + 1_000);
    for (const { process } of last) {
      const { isStale, full, current } = process?.core.state.secrets ?? {};
      if (full === true) return;
      check(isStale !== true, 'the secret is replaced once a server has left', () => known);
      if (current != null) known.add(Buffer.from(current).toString('hex'));
    }
    for (const { name, process, disk } of world.servers.filter((one) => !last.includes(one))) {
      const state = process?.core.state ?? LedgerState.recover(disk);
      const secret = Buffer.from(state?.secrets.current ?? []).toString('hex');
      check(!known.has(secret), 'a server that left does not know the secret', () => name);
    }
  }

  #isBack(server: PoolServer): boolean {
    const { process, banned } = server;
    const { members } = this.#world;
    if (process === null) return banned;
    if (members !== null && !members.isSettled(server)) return false;
    if (process.core.keyCount > 0) return false;
    return [...process.core.state.accounts.values()].every((accounts) => {
      const { hardLimit, deficit, freePool, rows } = accounts;
      let [available, lost] = [freePool, 0];
      for (const [id, seats] of rows) {
        available += seats;
        if (this.#isBanned(id)) lost += seats;
      }
      const { held, mark } = process.core.state;
      for (const { license, key, commute } of held.values()) {
        if (!this.#isLeaked(commute, mark) || license !== accounts.license) continue;
        available += key.count;
        lost += key.count;
      }
      // What a server that is gone for good holds of a license that shrank may stay owed.
      return deficit <= lost && available === hardLimit + deficit;
    });
  }

  /**
   * It may have come back as only servers know that are gone: then it does so at its end. Or its end
   * passed before its client heard of it: it comes back once that is long enough ago.
   */
  #isLeaked(commute: HeldSeat['commute'], mark: number): boolean {
    if (commute === null) return false;
    return this.#world.recovery !== null || (!DAYS_ARE_SHORT && commute.end <= mark);
  }

  /** The last RLF lists it. */
  #isOfPool({ id }: PoolServer): boolean {
    const { members, recovery, rlfs } = this.#world;
    if (members === null && recovery === null) return true;
    return rlfs.get(rlfs.newestSequence).servers.some(({ fingerprint }) => fingerprint === id);
  }

  #isBanned(id: string): boolean {
    return this.#world.servers.some((server) => server.id === id && server.banned);
  }

  #checkMark(): void {
    const { servers, agenda } = this.#world;
    // With one gone for good, those whose clocks are right may be no majority.
    if (servers.some(({ banned }) => banned)) return;
    const marks = servers.map(({ process }) => process?.core.state.mark ?? 0);
    const behind = WALL_START + agenda.now * SLOWEST - Math.max(...marks);
    check(behind <= MARK_LATE_MS_MAX, 'license time does not stand still', () => behind);
  }

  #facts({ name, process, banned }: PoolServer): unknown {
    if (process === null) return { name, banned };
    const { leads, term, keyCount, ready, state } = process.core;
    const accounts = [...state.accounts.values()].map(({ license, rows, ...rest }) => {
      const due = [...rest.redistribution.due];
      const { hardLimit, deficit, freePool, records } = rest;
      return [license, hardLimit, deficit, freePool, records, [...rows.values()], due];
    });
    return { name, leads, term, keyCount, ready, sequence: state.rlf.sequence, accounts };
  }
}
