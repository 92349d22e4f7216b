/** Watches a simulation from outside, and says so when a promise of DESIGN is not kept. */

import { CLOCK_DRIFT_MAX, CLOCK_SLEW_MS_MAX, MARK_INTERVAL_MS } from '../../src/engine/limits.ts';
import { type ClientMessage, MessageType } from '../../src/engine/messages.ts';
import type { Write } from '../../src/engine/records.ts';
import { idTextOfKey } from '../../src/engine/seat-key.ts';
import type { ServerMessage } from '../../src/net/protocol.ts';
import { checkAtAny, checkDenial, checkGrant, checkPage } from './answers.ts';
import { Beliefs } from './beliefs.ts';
import type { Connection } from './connection.ts';
import { check } from './failure.ts';
import { LedgerModel, type LedgerView } from './ledger-model.ts';
import { APPLICATIONS, type Grants, licenseId, licensesOf } from './licenses.ts';
import { LineModel } from './line-model.ts';
import type { Seat } from './seat.ts';
import { type Process, SERVER_ID } from './server.ts';

/** A key that the server may hold, as its answers made it known. */
interface Issued {
  readonly license: string;
  readonly count: number;
  /** Null as long as the server did not say. */
  readonly lifetimeMs: number | null;
}

/** What a turn may take, and a mark in the log that is not applied. */
const SLACK_MS = 3_000;

/** How late a seat may come back: keys are looked through now and then, and a turn takes time. */
const LATE_MS_MAX = 3_000;

export class Observer {
  readonly ledger: LedgerModel;
  readonly line = new LineModel();
  readonly #beliefs = new Beliefs();
  readonly #issued = new Map<string, Issued>();
  /** Ids that were asked for under, as long as the server may hold them. */
  readonly #asked = new Set<string>();
  readonly #released = new Set<string>();
  readonly #serverClock: () => number;
  /** The last process, alive or dead. */
  #process: Process | null = null;
  #batches = 0;
  /** The mark that a process began with, and when, by the server's clock. */
  #start = { mark: 0, clock: 0 };
  readonly counts = { granted: 0, retried: 0, denied: 0, waited: 0, released: 0, renewed: 0 };

  constructor(known: ReadonlyMap<number, Grants>, founding: Grants, serverClock: () => number) {
    this.ledger = new LedgerModel(known, founding);
    this.#serverClock = serverClock;
  }

  /** A message of a client reached the server. */
  arrived(connection: Connection, message: ClientMessage): void {
    if (message[0] === MessageType.request) {
      const id = idTextOfKey(message[2]);
      this.#asked.add(id);
      this.#released.delete(id);
      const patienceEnd = this.#serverClock() + message[7];
      this.line.arrived({
        id,
        application: message[4],
        count: message[6],
        holds: message[8] > 0,
        connection,
        patienceEnd,
      });
    }
    if (message[0] === MessageType.release) this.line.leaves(idTextOfKey(message[2]));
  }

  /** The server says this: from now on somebody may rely on it. */
  promised(connection: Connection, message: ServerMessage): void {
    if (message[0] === MessageType.statusPage) checkPage(message);
    const sent = connection.client.sentUnder(message[1]);
    if (sent === undefined) return;
    const { seat, sentAt } = sent;
    switch (message[0]) {
      case MessageType.grant:
        this.#granted(connection, seat, { message, sentAt });
        return;
      case MessageType.waiting:
        this.counts.waited++;
        this.line.waits(seat.id, this.#onlyLicense(seat.wish.application));
        return;
      case MessageType.denied:
        this.counts.denied++;
        this.#judge((view) => {
          checkDenial(message, { wish: seat.wish, waited: this.#waits(seat) }, view);
        });
        this.line.settled(seat.id);
        return;
      case MessageType.alive:
        this.counts.renewed++;
        this.#beliefs.renewed(seat, { sentAt, lifetimeMs: message[3] });
        return;
      case MessageType.released:
        this.counts.released++;
        // With another copy of its request still to be dealt with, it may be held again.
        if (message[2] && this.line.get(seat.id)?.unsettled !== true) this.#released.add(seat.id);
        this.line.settled(seat.id);
        this.#issued.delete(seat.id);
        return;
    }
  }

  /** A transaction is on disk. */
  written(writes: readonly Write[]): void {
    this.ledger.written(writes);
  }

  closed(connection: Connection): void {
    this.line.closed(connection);
  }

  died(): void {
    this.line.forgotten();
    this.#batches = 0;
  }

  /** The server is at rest. */
  turned(process: Process): void {
    if (this.#process !== process) {
      this.#start = { mark: this.ledger.mark, clock: this.#serverClock() };
    }
    this.#process = process;
    this.#checkAccounts(process);
    this.#checkKeys(process);
    this.checkPromise();
    const { batches } = process.node.counters;
    if (batches === this.#batches) return;
    this.#batches = batches;
    this.line.turned();
    this.#checkMark();
    this.#checkLifetimes(process);
    this.#checkPromptness(process);
  }

  /** The promise of DESIGN section 2. */
  checkPromise(): void {
    if (this.#process === null) return;
    const { accounts } = this.#process.core.state;
    for (const [license, believed] of this.#beliefs.sums()) {
      const { hardLimit = 0, deficit = 0 } = accounts.get(license) ?? {};
      const facts = () => ({ license, believed, hardLimit, deficit });
      check(believed <= hardLimit + deficit, 'seats believed in <= hard limit + deficit', facts);
    }
  }

  #granted(
    connection: Connection,
    seat: Seat,
    { message, sentAt }: { message: Extract<ServerMessage, { 0: 11 }>; sentAt: number },
  ): void {
    const [, , , lifetimeMs, , application, version, count] = message;
    const license = licenseId({ application, version });
    const known = this.#issued.get(seat.id);
    if (known === undefined) {
      this.counts.granted++;
      this.#judge((view) => checkGrant(message, seat.wish, view));
      this.#checkOrder(seat, license);
    } else {
      this.counts.retried++;
      const same = known.license === license && known.count === count;
      const lives = (known.lifetimeMs ?? lifetimeMs) === lifetimeMs;
      const facts = () => [known, license, count, lifetimeMs];
      check(same && lives, 'a retry finds its own grant', facts);
    }
    this.line.settled(seat.id);
    this.#issued.set(seat.id, { license, count, lifetimeMs });
    const of = { client: connection.client, seat, license, count };
    this.#beliefs.promised(of, { sentAt, lifetimeMs });
  }

  #judge(judge: (view: LedgerView) => void): void {
    checkAtAny([this.ledger, ...this.ledger.before], judge);
  }

  #waits(seat: Seat): boolean {
    return this.line.get(seat.id)?.told ?? false;
  }

  /** First come, first served, among those who can be answered. */
  #checkOrder(seat: Seat, license: string): void {
    const own = this.line.get(seat.id);
    // The seats of a hold are taken before it is granted: others may come in between.
    if (own === undefined || own.holds) return;
    for (const other of this.line.waiting(license, this.#serverClock())) {
      if (other.holds) continue;
      const who = other.connection.client.name;
      const facts = () => ({ license, who, wanted: other.count, granted: own.count });
      check(other.latest >= own.earliest, 'nobody passes those who wait', facts);
    }
  }

  /** Nobody waits for what is there. */
  #checkPromptness({ core }: Process): void {
    for (const application of APPLICATIONS) {
      const license = this.#onlyLicense(application);
      const account = license === null ? undefined : core.state.accounts.get(license);
      if (license === null || account === undefined || account.deficit > 0) continue;
      const heads = this.line.heads(application, license);
      const [head] = heads;
      if (head === undefined || heads.length > 1 || !head.told || head.unsettled) continue;
      if (head.patienceEnd <= this.#serverClock()) continue;
      const row = account.rows.get(SERVER_ID) ?? 0;
      const free = row - (this.#inUse(core).get(license) ?? 0) + account.freePool;
      const facts = () => ({ license, who: head.connection.client.name, wanted: head.count, free });
      check(free < head.count, 'nobody waits for seats that are free', facts);
    }
  }

  /** What was not heard of for its lifetime comes back soon. */
  #checkLifetimes({ core }: Process): void {
    const now = this.#serverClock();
    for (const id of this.#asked) {
      // By clocks that stand at zero, it expires at its deadline.
      const deadline = core.authorization(id, { boot: 0, wall: 0 })?.expiresAt ?? now;
      check(now <= deadline + LATE_MS_MAX, 'a seat comes back in time', () => now - deadline);
    }
  }

  /** License time goes with the boot-time clock, whatever the wall clock does meanwhile. */
  #checkMark(): void {
    const passed = this.ledger.mark - this.#start.mark;
    const elapsed = this.#serverClock() - this.#start.clock;
    const most = elapsed * (1 + CLOCK_DRIFT_MAX + CLOCK_SLEW_MS_MAX / 60_000) + SLACK_MS;
    const facts = () => ({ passed, elapsed });
    check(passed <= most, 'license time does not jump ahead', facts);
    const least = elapsed * (1 - CLOCK_DRIFT_MAX) - MARK_INTERVAL_MS - SLACK_MS;
    check(passed >= least, 'license time does not stand still', facts);
  }

  #checkAccounts({ core }: Process): void {
    const { accounts, mark } = core.state;
    check(mark === this.ledger.mark, 'memory knows the mark that is on disk');
    const inUse = this.#inUse(core);
    for (const [license, account] of this.ledger.accounts) {
      const known = accounts.get(license);
      const row = known?.rows.get(SERVER_ID) ?? 0;
      const found = [known?.hardLimit, row, known?.freePool, known?.deficit];
      const expected = [account.limit, account.row, account.freePool, account.deficit];
      const same = found.every((value, at) => value === expected[at]);
      check(same, 'memory knows the accounts that are on disk', () => [license, found, expected]);
    }
    for (const [license, used] of inUse) {
      const row = this.ledger.accounts.get(license)?.row ?? 0;
      check(used <= row, 'no more is issued than is allocated', () => ({ license, used, row }));
    }
  }

  /** What may be relied upon is held, what was given back is not, and nothing else is there. */
  #checkKeys({ core }: Process): void {
    const time = { boot: 0, wall: 0 };
    for (const { seat, license, count } of this.#beliefs.held()) {
      const held = core.authorization(seat.id, time);
      const facts = () => ({ license, count, held });
      check(held?.count === count, 'a seat that may be relied upon is held', facts);
    }
    for (const id of this.#released) {
      check(core.authorization(id, time) === null, 'a seat that was given back is not held');
    }
    let held = 0;
    for (const id of this.#asked) {
      const key = core.authorization(id, time);
      if (key !== null) {
        if (!key.isHeld) held++;
        // The server died before it could say so.
        if (!this.#issued.has(id)) {
          this.#issued.set(id, { license: licenseId(key), count: key.count, lifetimeMs: null });
        }
        continue;
      }
      this.#issued.delete(id);
      if (this.line.get(id) === undefined) this.#asked.delete(id);
    }
    check(held === core.keyCount, 'the key table holds what was asked for', () => [
      held,
      core.keyCount,
    ]);
  }

  #inUse(core: Process['core']): Map<string, number> {
    const inUse = new Map<string, number>();
    for (const id of this.#asked) {
      const held = core.authorization(id, { boot: 0, wall: 0 });
      if (held === null || held.isHeld) continue;
      const license = licenseId(held);
      inUse.set(license, (inUse.get(license) ?? 0) + held.count);
    }
    return inUse;
  }

  /** The license of an application that has but one. */
  #onlyLicense(application: string): string | null {
    const start = JSON.stringify(['Acme', application]).slice(0, -1);
    const all = licensesOf(this.ledger.grants).filter((license) => license.startsWith(start));
    const [only = null] = all;
    return all.length === 1 ? only : null;
  }
}
