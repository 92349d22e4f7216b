/** Watches a simulated pool from outside, and says so when a promise of DESIGN is not kept. */
import type { LedgerState } from '../../../src/engine/ledger/state.ts';
import { LicenseTable } from '../../../src/engine/license/license-table.ts';
import type { Rlf } from '../../../src/engine/license/types.ts';
import { type ClientMessage, MessageType } from '../../../src/engine/messages.ts';
import { idTextOfKey } from '../../../src/engine/seat-key.ts';
import type { ServerMessage } from '../../../src/net/protocol.ts';
import { Beliefs } from '../beliefs.ts';
import { check } from '../failure.ts';
import { licenseId } from '../licenses.ts';
import type { SentMessage } from './client.ts';
import { CommutedSeat } from './commuted-seat.ts';
import type { PoolConnection } from './connection.ts';
import { Holdings } from './holdings.ts';
import { Ledgers } from './ledgers.ts';
import { PoolLines } from './lines.ts';
import { PoolSeat, type PoolWish } from './seat.ts';
import type { PoolProcess, PoolServer } from './server.ts';
import { ticketLicense } from './ticket-license.ts';
import { Wire } from './wire.ts';

/** How often all key tables are looked through, in true milliseconds. */
const LOOK_MS = 400;

export class PoolObserver {
  readonly ledgers = new Ledgers();
  readonly wire = new Wire();
  readonly #beliefs = new Beliefs();
  readonly #holdings: Holdings;
  readonly #lines: PoolLines;
  readonly #now: () => number;
  /** Something was promised since the sums were last looked at. */
  #promised = false;
  /** The server that took part in this turn issued something. */
  #issued = false;
  #lookedAt = 0;
  readonly #granted = new Set<string>();
  /** Ids with the server at which they are known to be alive. */
  readonly #alive = new Set<string>();
  readonly counts = {
    granted: 0,
    commuted: 0,
    checkedIn: 0,
    retried: 0,
    renewed: 0,
    denied: 0,
    noMajority: 0,
    waited: 0,
    released: 0,
    releasedInVain: 0,
    fencedReplies: 0,
    claimed: 0,
    taken: 0,
    goneBusy: 0,
    goneUnknown: 0,
    goneNoMajority: 0,
  };

  /** `wellSince`: since when nothing goes wrong between servers, or null. */
  constructor(
    servers: readonly PoolServer[],
    { now, wellSince }: { readonly now: () => number; readonly wellSince: () => number | null },
  ) {
    const { ledgers } = this;
    this.#lines = new PoolLines(servers, { now, wellSince });
    this.#holdings = new Holdings({ servers, beliefs: this.#beliefs, ledgers });
    this.#now = now;
  }

  /** A message of a client reached a server. */
  arrived(connection: PoolConnection, message: ClientMessage): void {
    this.#lines.arrived(connection, message);
    const [type, , key] = message;
    const { request, heartbeat, release } = MessageType;
    if (type !== request && type !== heartbeat && type !== release) return;
    if (key instanceof Uint8Array) this.#holdings.spokenOf(idTextOfKey(key), this.#now());
  }

  closed(connection: PoolConnection): void {
    this.#lines.closed(connection);
  }

  /**
   * A majority is gone for good, and what no server that is left knows is given up: seats in
   * records, and keys that live longer than any RLF let them before. Returns how many.
   */
  restarts(known: LedgerState, epoch: number, rlfs: readonly Rlf[]): number {
    const longest = new Map<string, number>();
    // Of several codes for one license the shortest lifetime counts, as the servers have it.
    for (const license of rlfs.flatMap((rlf) => new LicenseTable(rlf).licenses)) {
      const lifetimeMs = license.keyLifetimeMsAt(known.mark);
      longest.set(license.id, Math.max(lifetimeMs, longest.get(license.id) ?? 0));
    }
    const givenUp = this.#beliefs.giveUp(({ seat: { id }, license, sentAt, until }) => {
      if (this.ledgers.isHeldAs(id, null)) {
        const held = known.held.get(id);
        return held === undefined || !this.ledgers.isHeldAs(id, held.index);
      }
      return until - sentAt > (longest.get(license) ?? 0);
    });
    this.ledgers.restarts(known, epoch);
    return givenUp;
  }

  /** A server says this: from now on somebody may rely on it. */
  promised(connection: PoolConnection, message: ServerMessage): void {
    const { client } = connection;
    const sent = client.sentUnder(message[1]);
    if (sent === undefined) return;
    const { seat, sentAt, claims } = sent;
    switch (message[0]) {
      case MessageType.grant: {
        const [, , , lifetimeMs, , application, version, count] = message;
        this.#checkGrant(message, seat.wish);
        const license = licenseId({ application, version });
        const counts =
          seat instanceof CommutedSeat ? this.#untilEnd(seat, connection) : { sentAt, lifetimeMs };
        this.#beliefs.promised({ client, seat, license, count }, counts);
        if (seat instanceof PoolSeat) this.#checkNew(connection, seat, license);
        if (this.#granted.has(seat.id)) this.counts.retried++;
        else if (seat instanceof CommutedSeat) this.counts.commuted++;
        else this.counts.granted++;
        this.#granted.add(seat.id);
        this.#promised = true;
        // What is held the ledger grants, whenever the server hears of it.
        this.#issued ||= connection.process?.core.authorization(seat.id, NEVER)?.isHeld !== true;
        return;
      }
      case MessageType.alive:
        if (claims) this.counts.claimed++;
        else if (sent.takes) this.counts.taken++;
        else this.counts.renewed++;
        this.#renewed(connection, sent, message);
        this.#promised = true;
        return;
      case MessageType.waiting:
        this.#lines.waits(connection, seat.id, seat.wish.application);
        this.#count(message);
        return;
      case MessageType.denied:
      case MessageType.released:
        this.#lines.answered(connection, seat.id, message[2]);
        if (message[2] === true && seat instanceof CommutedSeat) this.counts.checkedIn++;
        this.#count(message);
        return;
      default:
        this.#count(message);
    }
  }

  #renewed(
    { client, server, process }: PoolConnection,
    { seat, sentAt, takes }: SentMessage,
    [, , ticket, lifetimeMs]: Extract<ServerMessage, { 0: 21 }>,
  ): void {
    const license = ticketLicense(ticket);
    const answered = { sentAt, lifetimeMs };
    if (takes) {
      this.#beliefs.promised({ client, seat, license, count: seat.wish.count }, answered);
    } else {
      this.#beliefs.renewed(seat, answered, license);
    }
    this.#alive.add(`${server.id} ${seat.id}`);
    const own = process?.core.authorization(seat.id, NEVER) ?? null;
    // Else it passed on what another server said.
    if (process === null || own === null) return;
    // What was taken over the ledger grants, too.
    this.#issued ||= !own.isHeld && !takes;
    const facts = () => ({ server: server.name, client: client.name });
    check(!this.ledgers.knewEvicted(process, seat.id), 'what is evicted is not renewed', facts);
  }

  /** What must not be where seats are granted that nobody had there before. */
  #checkNew(connection: PoolConnection, seat: PoolSeat, license: string): void {
    const { server, process } = connection;
    const place = `${server.id} ${seat.id}`;
    const isNew = !this.#alive.has(place) && this.ledgers.moved(seat.id) === 0;
    this.#alive.add(place);
    if (isNew && process !== null && seat.wish.holdMs === 0) {
      const facts = () => ({ server: server.name, client: connection.client.name, license });
      check(!this.ledgers.knowsOwed(process, license), 'nothing is granted while owed', facts);
      this.#lines.granted(connection, seat.id, license);
    }
    this.#lines.answered(connection, seat.id, null);
  }

  /** That server is at rest. */
  turned(process: PoolProcess): void {
    this.#lines.turned(process);
    if (this.ledgers.turned(process) || this.#promised) this.checkPromise();
    if (this.#issued) this.ledgers.checkIssues(process);
    this.#issued = false;
    if (this.#now() - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = this.#now();
    this.#holdings.check(this.#now());
  }

  died(server: PoolServer, process: PoolProcess | null): void {
    this.#lines.died(server);
    // What it applied and could not write, a majority has stored.
    if (process !== null && !server.restored) {
      this.ledgers.turned(process);
      if (this.#issued) this.ledgers.checkIssues(process);
    }
    this.#issued = false;
    if (!server.restored) this.#holdings.died(server, process);
  }

  /** The promise of DESIGN section 2. */
  checkPromise(): void {
    this.#promised = false;
    for (const [license, believed] of this.#beliefs.sums()) {
      const { hardLimit, deficit } = this.ledgers.bounds.get(license) ?? NONE;
      const facts = () => ({ license, believed, hardLimit, deficit, who: this.#who(license) });
      check(believed <= hardLimit + deficit, 'seats believed in <= hard limit + deficit', facts);
    }
  }

  #who(license: string): string[] {
    const held = this.#beliefs.held().filter((belief) => belief.license === license);
    return held.map(({ client, count }) => `${client.name} ${count}`);
  }

  /** Its file says until when it may be used, by the wall clock of its machine. */
  #untilEnd(seat: CommutedSeat, { process, client }: PoolConnection) {
    const end = process?.core.authorization(seat.id, NEVER)?.commute?.end ?? 0;
    seat.signedUntil(end, process?.core.applied ?? 0);
    return { sentAt: client.clock, lifetimeMs: end - client.host.time.wall };
  }

  #checkGrant(
    [, , , lifetimeMs, , application, , count]: Extract<ServerMessage, { 0: 11 }>,
    wish: Pick<PoolWish, 'application' | 'count'>,
  ): void {
    check(count === wish.count, 'all seats or none', () => [count, wish]);
    check(application === wish.application, 'the application asked for', () => application);
    check(lifetimeMs > 0, 'a seat has a lifetime', () => lifetimeMs);
  }

  #count(message: ServerMessage): void {
    const { counts } = this;
    switch (message[0]) {
      case MessageType.waiting:
        counts.waited++;
        return;
      case MessageType.denied:
        counts.denied++;
        if (message[2] === 'no-majority') counts.noMajority++;
        return;
      case MessageType.released:
        if (message[2]) counts.released++;
        else counts.releasedInVain++;
        return;
      case MessageType.fenced:
        counts.fencedReplies++;
        return;
      case MessageType.gone:
        if (message[2] === 'busy') counts.goneBusy++;
        else if (message[2] === 'no-majority') counts.goneNoMajority++;
        else if (message[2] === 'unknown-key') counts.goneUnknown++;
        return;
    }
  }
}

const NEVER = { boot: 0, wall: 0 };
const NONE = { hardLimit: 0, deficit: 0 };
