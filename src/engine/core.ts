/**
 * The core: one deterministic state machine in the manner of etcd's raft. A step takes an event and
 * the time; what it asks for gathers in `takeEffects`. Whoever runs it writes, flushes, tells it so
 * by `persisted`, and only then sends the replies and what goes to other servers.
 */
import { Acts } from './acts.ts';
import { type Authorization, authorizationOf } from './authorization.ts';
import type { Client } from './client.ts';
import { ClockGuard } from './clock-guard.ts';
import { type Effects, Outbox } from './effects.ts';
import { Elsewhere } from './elsewhere.ts';
import { LmError } from './errors.ts';
import type { Event } from './event.ts';
import { ExpiryWarnings } from './expiry-warnings.ts';
import { Holds } from './holds.ts';
import { Issuer } from './issuer.ts';
import { KeyMoves } from './key-moves.ts';
import { KeyTable } from './key-table.ts';
import { PeerList } from './ledger/members.ts';
import type { Applied, LedgerState } from './ledger/state.ts';
import type { RlfServer } from './license/types.ts';
import { Lines } from './lines.ts';
import { type ClientMessage, MessageType } from './messages.ts';
import { Offers } from './offers.ts';
import type { PeerGreeting, PeerMessage } from './peer-messages.ts';
import { Places } from './places.ts';
import type { PoolOptions } from './pool/options.ts';
import { Pool } from './pool/pool.ts';
import { Prober } from './probe.ts';
import { type Program, UNNAMED } from './program.ts';
import type { ServerId } from './raft/types.ts';
import { RecentMoves } from './recent-moves.ts';
import type { RecordSource } from './records.ts';
import { Relays } from './relays.ts';
import { Replies } from './replies.ts';
import { Rows } from './rows.ts';
import { Status } from './status.ts';
import { TicketMint } from './ticket.ts';
import type { Time } from './time.ts';

/** What is left out is the core's own. */
export interface CoreOptions
  extends Omit<PoolOptions, 'program' | 'source' | 'outbox' | 'time' | 'licenseTime'> {
  readonly name: string;
  /** What runs this server. Default: one that says nothing of itself. */
  readonly program?: Program;
}

/** What serving a line of the leader's own changes may be planned for at once. */
const LEND_ROUNDS_MAX = 4;

export class Core {
  readonly #options: CoreOptions;
  readonly #outbox = new Outbox();
  readonly #keys = new KeyTable();
  readonly #lines: Lines;
  readonly #pool: Pool;
  readonly #rows: Rows;
  readonly #relays: Relays;
  readonly #elsewhere: Elsewhere;
  readonly #holds: Holds;
  readonly #issuer: Issuer;
  readonly #moves: KeyMoves;
  readonly #recentMoves: RecentMoves;
  readonly #status: Status;
  readonly #prober: Prober;
  readonly #acts: Acts;
  readonly #offers: Offers;
  readonly #peers = new PeerList();
  readonly #clock: ClockGuard;
  readonly #warnings = new ExpiryWarnings();
  /** Batches handed out to be written, and not known to be flushed. */
  #unflushed = 0;
  #mayIssue = false;

  private constructor(options: CoreOptions, source: RecordSource, time: Time) {
    this.#options = options;
    const outbox = this.#outbox;
    const licenseTime = (at: Time) => this.#clock.read(at);
    const { program = UNNAMED } = options;
    this.#pool = new Pool({ ...options, program, source, outbox, time, licenseTime });
    const pool = this.#pool;
    const { server, name } = options;
    this.#clock = new ClockGuard(pool.state.mark, time);
    this.#rows = new Rows(pool);
    this.#relays = new Relays(pool, outbox);
    const places = new Places(pool);
    this.#lines = new Lines(outbox, places);
    const parts = { pool, rows: this.#rows, keys: this.#keys, lines: this.#lines, outbox };
    const mint = new TicketMint(server);
    this.#elsewhere = new Elsewhere({ ...parts, relays: this.#relays, mint });
    const replies = new Replies({ ...parts, mint });
    this.#holds = new Holds({ ...parts, replies });
    const helpers = { replies, places, elsewhere: this.#elsewhere, holds: this.#holds };
    this.#issuer = new Issuer({ ...parts, ...helpers });
    this.#moves = new KeyMoves({ ...parts, issuer: this.#issuer });
    this.#recentMoves = new RecentMoves(pool);
    const endOf = (id: string) => this.#holds.endOf(id);
    this.#status = new Status({ ...parts, name, moves: this.#recentMoves, endOf });
    this.#prober = new Prober({ ...parts, name });
    this.#acts = new Acts(pool, outbox, name);
    this.#offers = new Offers(pool, outbox);
    this.#keys.recover(source, time.boot);
    for (const key of this.#keys.values()) this.#issuer.count(key);
    this.#holds.timeAll(time.boot);
    pool.attach({
      applied: (applied) => this.#applied(applied),
      restored: ({ before, proposal }) => this.#restored(before, proposal),
      lines: (words) => this.#issuer.lines(this.#rows.follow(words), this.#pool.time),
      shifted: (byMs) => {
        for (const row of this.#lines.shift(byMs)) this.#rows.changed(row);
      },
      sessionChanged: () => this.#sessionChanged(),
    });
  }

  /** A server as its records say it was, about to take its place in the pool. */
  static recover(options: CoreOptions, source: RecordSource, time: Time): Core {
    const core = new Core(options, source, time);
    core.step({ type: 'tick' }, time);
    return core;
  }

  /** It may issue: it is in contact with a majority, and its return is in the ledger. */
  get ready(): boolean {
    return this.#pool.mayIssue(this.#pool.time.boot);
  }

  /** The pool is being restarted; `decided`: this server has to start anew from its records. */
  get restart(): 'decided' | 'under-way' | null {
    if (this.#offers.restarts) return 'decided';
    return this.#pool.ledger.restart === null ? null : 'under-way';
  }

  get leads(): boolean {
    return this.#pool.leads;
  }

  get term(): number {
    return this.#pool.standing.term;
  }

  /** Name of the leader that this server knows, or null. */
  get leader(): string | null {
    return this.#pool.leader === null ? null : this.#pool.nameOf(this.#pool.leader);
  }

  /** Index of the last entry of the ledger that is applied here. */
  get applied(): number {
    return this.state.applied;
  }

  get state(): LedgerState {
    return this.#pool.state;
  }

  /** It takes part in the pool; false before it was taken in, and once it is out. */
  get takesPart(): boolean {
    return this.#pool.takesPart;
  }

  /** No RLF that it knows of names it: neither the one in force, nor a newer one. */
  get isLeaving(): boolean {
    const { server, isLeaving } = this.#pool;
    return isLeaving && !this.#offers.servers.some(({ fingerprint }) => fingerprint === server);
  }

  /** Whom to be linked to, this server included. The same array while it is the same. */
  get peers(): readonly RlfServer[] {
    return this.#peers.of(this.state.members.all, this.#offers.servers);
  }

  /** Keys in this server's table. */
  get keyCount(): number {
    return this.#keys.size;
  }

  /** What this server tells about itself when a link comes up. */
  greeting(time: Time): PeerGreeting {
    return this.#pool.greeting(time);
  }

  /** A live key, as a proof describes it, or null. */
  authorization(id: string, time: Time): Authorization | null {
    return authorizationOf({ keys: this.#keys, holds: this.#holds, rows: this.#rows }, id, time);
  }

  step(event: Event, time: Time): void {
    if (event.type === 'persisted') {
      const transactions = this.#unflushed;
      this.#unflushed = 0;
      this.#pool.persisted(time, transactions);
    } else {
      this.#pool.advance(time);
      this.#take(event, time);
    }
    this.#watchWindow(time);
  }

  takeEffects(): Effects {
    const { writes } = this.#outbox;
    const { time } = this.#pool;
    this.#lend();
    for (const write of this.#pool.takeWrites()) writes.push(write);
    // One by one: a checkpoint may be more than the arguments of a call can be.
    for (const write of this.#keys.takeWrites()) writes.push(write);
    if (writes.length > 0) {
      for (const write of this.#pool.memory.takeWrites(time.boot)) writes.push(write);
      this.#unflushed += 1;
    }
    if (this.#outbox.relayed.length > 0) this.#relays.send(this.#outbox.takeRelayed());
    return this.#outbox.take();
  }

  /** When the next `tick` is due, boot-time clock. */
  get nextTick(): number {
    const expiry = this.#keys.nextExpiry ?? Number.POSITIVE_INFINITY;
    const line = this.#lines.nextDue ?? Number.POSITIVE_INFINITY;
    const due = [this.#holds, this.#pool, this.#offers, this.#acts].map(({ nextDue }) => nextDue);
    return Math.min(expiry, line, ...due);
  }

  #take(event: Exclude<Event, { type: 'persisted' }>, time: Time): void {
    switch (event.type) {
      case 'message':
        this.#message(event.client, event.message, time);
        return;
      case 'closed':
        this.#issuer.closed(event.client, time);
        return;
      case 'offered':
        this.#offers.offered(event.rlf, time);
        return;
      case 'pushed':
        this.#offers.pushed(event.push, time);
        return;
      case 'peer':
        this.#peer(event.from, event.message, time);
        return;
      case 'linked':
        this.#pool.linked(event.peer, event.greeting);
        this.#offers.linked(event.peer, event.greeting.rlfSequence ?? Number.POSITIVE_INFINITY);
        return;
      case 'gone':
        this.#pool.gone(event.peer);
        return;
      case 'step-aside':
        this.#pool.leaderRequests.stepAside();
        return;
      case 'tick':
        this.#issuer.tick(time);
        this.#offers.tick(time);
        this.#acts.tick(time);
        this.#relays.tick(time.boot);
        this.#holds.tick(time.boot);
        return;
    }
  }

  #message(client: Client, message: ClientMessage, time: Time): void {
    switch (message[0]) {
      case MessageType.request:
        this.#issuer.request(client, message, time);
        return;
      case MessageType.probe:
        this.#outbox.reply(client, this.#prober.verdict(message, time));
        return;
      case MessageType.heartbeat:
        this.#issuer.heartbeat(client, message, time);
        return;
      case MessageType.release:
        this.#issuer.release(client, message, time);
        return;
      case MessageType.status:
        this.#outbox.reply(client, this.#status.page(client, message, time));
        return;
      case MessageType.rlfGet:
        this.#outbox.reply(client, [MessageType.rlf, message[1], this.state.rlf.text]);
        return;
      case MessageType.act:
        this.#acts.act(client, message, time);
        return;
    }
  }

  #peer(from: ServerId, message: PeerMessage, time: Time): void {
    if (!this.#pool.epochs.takes(from, message)) return;
    switch (message.type) {
      case 'raft':
        this.#pool.raft(from, message.message);
        return;
      case 'report':
        this.#pool.report(from, message.body);
        return;
      case 'word':
        this.#pool.word(from, message.body);
        return;
      case 'offer':
        this.#offers.received(from, message.text, time);
        return;
      case 'transfer':
        if (this.#pool.leads) this.#pool.leaderRequests.transfer(message.to);
        return;
      case 'rotate-secret':
        if (this.#pool.leads) this.#pool.leaderRequests.rotateSecret();
        return;
      case 'evict':
        if (this.#pool.leads) this.#pool.leaderRequests.evict(message.id, message.force);
        return;
      case 'relay': {
        const client = this.#relays.through(from, message);
        if (client !== null) this.#message(client, message.message, time);
        return;
      }
      case 'relayed':
        this.#relays.answered(message);
        return;
      case 'refused':
        if (message.boot === this.#options.boot) throw refusedBy(message);
        return;
    }
  }

  /** An entry of the ledger is in force: keys come and go by it, then rows, then who waits. */
  #applied(applied: Applied): void {
    const { entry, valid } = applied;
    const { time } = this.#pool;
    this.#recentMoves.applied(applied);
    this.#rows.applied(applied);
    this.#moves.applied(applied, time);
    if (valid && entry?.type === 'mark') this.#clock.passed(entry.time, time);
    const isRlf = entry?.type === 'rlf' || entry?.type === 'epoch';
    if (valid && isRlf) this.#noteRlf();
    if (valid && (isRlf || entry?.type === 'mark')) {
      this.#warnings.check(this.state.table, this.state.mark, this.#outbox);
    }
    if (valid && entry?.type === 'evict') this.#acts.evicted(entry.id);
    if (valid && entry?.type === 'secret') this.#acts.rotated(entry.generation);
    if (valid && entry?.type === 'format') this.#acts.upgraded(entry.format);
    this.#issuer.refreshed(this.#rows.refresh(applied.touched), time);
    this.#holds.applied(applied, time.boot, ({ client, sequence, id }) => {
      this.#issuer.taken(client, sequence, id);
    });
    this.#elsewhere.applied(applied, ({ client, message }) => this.#message(client, message, time));
  }

  #restored(before: number, proposal: number): void {
    const { time } = this.#pool;
    this.#rows.over(proposal);
    this.#moves.restored(before, time);
    this.#clock.passed(this.state.mark, time);
    this.#issuer.refreshed(this.#rows.refresh(null), time);
    this.#elsewhere.over(proposal);
    this.#holds.over(proposal);
    this.#holds.timeAll(time.boot);
  }

  /** Rows that changed are reported; where this server leads, that may lead to more. */
  #lend(): void {
    for (let rounds = 0; rounds < LEND_ROUNDS_MAX; rounds++) {
      const { usage, urgent } = this.#rows.takeChanged();
      this.#pool.used(usage, urgent);
      if (usage.length === 0 && rounds > 0) return;
      this.#pool.lend();
    }
  }

  #sessionChanged(): void {
    this.#rows.over(Number.POSITIVE_INFINITY);
    this.#elsewhere.over(Number.POSITIVE_INFINITY);
    this.#holds.over(Number.POSITIVE_INFINITY);
    // What could not be proposed without a session can be now.
    this.#issuer.refreshed([...this.#rows.values()], this.#pool.time);
  }

  /** When the window opens, who waits in lines may be served. */
  #watchWindow(time: Time): void {
    const mayIssue = this.#pool.mayIssue(time.boot);
    if (mayIssue && !this.#mayIssue) this.#issuer.opened(time);
    this.#mayIssue = mayIssue;
  }

  #noteRlf(): void {
    const { sequence, digest, licenses } = this.state.rlf;
    const fields = { sequence, digest, licenses: licenses.length };
    this.#outbox.note('info', 'an RLF is in force', fields);
  }
}

/** A server that another one refuses ends, by the name of what is wrong with it. */
function refusedBy({ code, message, hint }: Extract<PeerMessage, { type: 'refused' }>): LmError {
  return new LmError(code === 'rolled-back' ? code : 'not-authorized', message, hint);
}
