/**
 * This server's place in the pool: its ledger, its grant window, what it hears of the others and
 * says to them (DESIGN sections 4 to 6). What only a leader does is in leading.ts.
 */
import type { Outbox } from '../effects.ts';
import { LmError } from '../errors.ts';
import type { Entry, Proposal } from '../ledger/entries.ts';
import { Ledger } from '../ledger/ledger.ts';
import type { Applied, LedgerState } from '../ledger/state.ts';
import type { Rlf } from '../license/types.ts';
import { LEADER_MISSING_MS, WINDOW_MS } from '../limits.ts';
import type { PeerGreeting } from '../peer-messages.ts';
import type { Notice, Role } from '../raft/events.ts';
import { isLeaderMessage, type Message } from '../raft/messages.ts';
import type { ServerId } from '../raft/types.ts';
import type { RecordSource, Write } from '../records.ts';
import { idBytes, idText } from '../seat-key.ts';
import type { Time } from '../time.ts';
import { campaignDelayMs } from './campaign.ts';
import { Leading } from './leading.ts';
import { PeerMemory } from './peer-memory.ts';
import { Picture } from './picture.ts';
import { Proposals } from './proposals.ts';
import { decodeWord, type LeaderWord, type Usage } from './report.ts';
import { Reporter } from './reporter.ts';
import { GrantWindow } from './window.ts';

export interface PoolOptions {
  readonly server: ServerId;
  readonly boot: number;
  /** The last transaction on this server's disk. */
  readonly transaction: number;
  readonly founding: Rlf;
  /** 32 random bytes, for a pool that has no ticket secret yet. */
  readonly secret: Uint8Array;
  readonly source: RecordSource;
  readonly outbox: Outbox;
  readonly time: Time;
  /** License time here, for the mark. */
  readonly licenseTime: (time: Time) => number;
}

/** What the rest of the core hears of the ledger. */
export interface PoolHooks {
  applied(applied: Applied): void;
  /** The state is another server's snapshot; `before` was the last entry applied here. */
  restored(before: number): void;
  /** This server's session ended, or another began: what it proposed before is void. */
  sessionChanged(): void;
}

export class Pool {
  readonly ledger: Ledger;
  readonly window = new GrantWindow();
  readonly picture = new Picture();
  readonly proposals = new Proposals();
  readonly memory: PeerMemory;
  readonly reporter: Reporter;
  readonly #leading: Leading;
  readonly #options: PoolOptions;
  readonly #startedAt: number;
  /** Servers that a link is up to, and since when each of them has been on line. */
  readonly #linked = new Map<ServerId, number>();
  #hooks: PoolHooks | null = null;
  #time: Time;
  #transaction: number;
  #role: Role = 'follower';
  #leader: ServerId | null = null;
  #heardAt = Number.NEGATIVE_INFINITY;
  #term: number;
  #detached = false;
  #everHeard = false;

  constructor(options: PoolOptions) {
    const { server, founding, source, time } = options;
    this.#options = options;
    this.#time = time;
    this.#startedAt = time.boot;
    this.#transaction = options.transaction;
    this.memory = new PeerMemory(source);
    this.ledger = Ledger.recover({
      ...{ server, source, founding, now: time.boot },
      campaignDelayMs: (context) => {
        return campaignDelayMs(context, {
          self: server,
          priority: context.lastLeader === undefined ? [] : this.#priority(),
          uptimeMs: this.#uptimes(),
          isUp: (other) => this.picture.saidUp(other),
        });
      },
    });
    this.#term = this.ledger.status.term;
    this.reporter = new Reporter(this, options);
    this.#leading = new Leading(this, options);
    this.ledger.attach({
      applied: (applied) => this.#applied(applied),
      restored: (before) => this.#restored(before),
      notice: (notice) => this.#notice(notice),
      attachment: (message) => this.#attachment(message),
      send: (message) => {
        options.outbox.tell(message.to, { type: 'raft', message });
      },
    });
    this.#leading.recovered();
  }

  attach(hooks: PoolHooks): void {
    this.#hooks = hooks;
  }

  get state(): LedgerState {
    return this.ledger.state;
  }

  get server(): ServerId {
    return this.#options.server;
  }

  get time(): Time {
    return this.#time;
  }

  /** The last transaction known to be on disk. */
  get transaction(): number {
    return this.#transaction;
  }

  get role(): Role {
    return this.#role;
  }

  get term(): number {
    return this.#term;
  }

  get leads(): boolean {
    return this.#role === 'leader';
  }

  /** Whom this server takes for the leader. */
  get leader(): ServerId | null {
    return this.#leader;
  }

  /** Refused by a server that hears a leader which this one does not. */
  get detached(): boolean {
    return this.#detached && this.#leader === null;
  }

  /** A leader was heard since the start, or this server was one. */
  get everLed(): boolean {
    return this.#everHeard;
  }

  /** Index of this server's return, by which it issues; null while it may not. */
  get session(): number | null {
    return this.proposals.session;
  }

  /** It may issue and renew now: it returned, and its window is open. */
  mayIssue(now: number): boolean {
    if (!this.window.isOpen(now) || this.session === null) return false;
    return !this.leads || this.#leading.mayIssue;
  }

  isLinked(server: ServerId): boolean {
    return this.#linked.has(server);
  }

  /** Up, as far as this server knows. */
  isUp(server: ServerId): boolean {
    if (server === this.server) return true;
    const now = this.#time.boot;
    if (this.leads) return this.picture.isUp(server, now);
    if (server === this.#leader) return now < this.#heardAt + LEADER_MISSING_MS;
    return this.#leader !== null && this.picture.saidUp(server);
  }

  greeting(time: Time): PeerGreeting {
    const { boot } = this.#options;
    const uptimeMs = Math.max(0, Math.floor(time.boot - this.#startedAt));
    return { boot, transaction: this.#transaction, uptimeMs };
  }

  /** Time passed: what is due by it is done, before anything is answered. */
  advance(time: Time): void {
    const gap = time.boot - this.#time.boot;
    this.#time = time;
    if (gap > WINDOW_MS && this.state.configuration.voters.length > 1) {
      // A clock that jumped, or a process that was stopped: what was planned before is void.
      this.window.forget();
      this.ledger.step({ type: 'step-down' }, time.boot);
    }
    if (Math.min(this.ledger.wakeAt, this.#leading.nextDue) > time.boot) return;
    this.ledger.step({ type: 'tick' }, time.boot);
    this.#leading.lead();
  }

  /** Everything that was handed out is flushed. */
  persisted(time: Time, transactions: number): void {
    this.#time = time;
    this.#transaction += transactions;
    this.ledger.persisted(time.boot);
    this.#leading.lead();
  }

  linked(peer: ServerId, { transaction, uptimeMs }: PeerGreeting): void {
    if (!this.trusts(peer, transaction)) return;
    const now = this.#time.boot;
    this.#linked.set(peer, now - uptimeMs);
    if (peer === this.#leader) this.proposals.again();
    if (!this.#everHeard) this.ledger.step({ type: 'reconsider' }, now);
  }

  gone(peer: ServerId): void {
    this.#linked.delete(peer);
    this.picture.gone(peer);
    this.ledger.step({ type: 'gone', peer }, this.#time.boot);
  }

  raft(from: ServerId, message: Message): void {
    if (message.from !== from || this.memory.isRefused(from)) return;
    this.ledger.step({ type: 'message', message }, this.#time.boot);
    this.#leading.lead();
  }

  /** A follower's report between two acks. */
  report(from: ServerId, body: Uint8Array): void {
    if (this.leads && !this.memory.isRefused(from)) this.#leading.reported(from, body);
  }

  transfer(to: ServerId): void {
    if (this.leads) this.ledger.step({ type: 'transfer', to }, this.#time.boot);
    else this.#tellLeader({ type: 'transfer', to });
  }

  /** Hands leadership on, to the first of those that are up. */
  stepAside(): void {
    if (!this.leads) return;
    const next = this.#priority().find((server) => server !== this.server && this.isUp(server));
    if (next !== undefined) this.transfer(next);
  }

  /** An entry that needs no number: the leader enters it, or hears of it. */
  enter(entry: Extract<Entry, { type: 'evict' | 'rlf' }>): void {
    if (this.leads) this.#leading.enter(entry);
    else if (entry.type === 'rlf') this.#tellLeader({ type: 'offer', text: entry.text });
    else this.#tellLeader({ type: 'evict', id: idBytes(entry.id) });
  }

  evict(id: Uint8Array): void {
    this.enter({ type: 'evict', id: idText(id) });
  }

  /** The number under which it will be applied, or null where nothing can be proposed now. */
  propose(proposal: Proposal): number | null {
    if (this.session === null || this.proposals.full) return null;
    return this.proposals.add(proposal);
  }

  usage(server: ServerId): ReadonlyMap<string, Usage> | null {
    if (!this.leads) return null;
    const { usage, ackedAt } = this.picture.peer(server);
    return ackedAt === null ? null : usage;
  }

  /** Ends a step: proposals go into the log, or to the leader. */
  takeWrites(): Write[] {
    this.#forwardProposals();
    this.#leading.append();
    const writes = this.ledger.takeWrites();
    return writes;
  }

  get nextDue(): number {
    const { proposals, reporter } = this;
    return Math.min(
      this.ledger.wakeAt,
      this.#leading.nextDue,
      this.leads ? Number.POSITIVE_INFINITY : Math.min(proposals.nextDue, reporter.nextDue),
    );
  }

  #forwardProposals(): void {
    const { boot: now } = this.#time;
    if (this.leads) {
      const { session } = this;
      if (session === null || !this.proposals.isDue(now)) return;
      const { first, bytes } = this.proposals.take(now);
      this.#leading.proposed(this.server, session, first, bytes);
      return;
    }
    if (this.#leader === null || !this.#linked.has(this.#leader)) return;
    if (!this.proposals.isDue(now) && this.reporter.nextDue > now) return;
    const body = this.reporter.report(this.#time);
    this.#options.outbox.tell(this.#leader, { type: 'report', body });
  }

  #tellLeader(message: Parameters<Outbox['tell']>[1]): void {
    if (this.#leader !== null) this.#options.outbox.tell(this.#leader, message);
  }

  #applied(applied: Applied): void {
    const { entry, valid, index } = applied;
    const { server, boot } = this.#options;
    const isOwn = entry !== null && 'by' in entry && entry.by.server === server;
    if (isOwn && entry.by.session === this.session) this.proposals.applied(entry.by.number);
    this.#leading.applied(applied);
    let isChanged = false;
    if (valid && entry?.type === 'fenced' && entry.server === server) {
      isChanged = this.session !== null;
      this.proposals.end();
    }
    if (valid && entry?.type === 'returned' && entry.server === server) {
      isChanged = true;
      this.proposals.end();
      if (entry.boot === boot) this.proposals.begin(index);
      // An ack of before says nothing about this session.
      if (!this.leads) this.window.forget();
    }
    this.#hooks?.applied(applied);
    if (isChanged) this.#hooks?.sessionChanged();
  }

  #restored(before: number): void {
    const known = this.state.servers.get(this.server);
    const session = known?.boot === this.#options.boot ? known.session : null;
    const isSame = session !== null && session === this.session;
    if (!isSame) this.proposals.end();
    if (session !== null && !isSame) this.proposals.begin(session);
    this.#leading.recovered();
    // What it proposed and a snapshot took over has no outcome that could be told.
    if (isSame) this.proposals.appliedTo(known?.proposal ?? 0);
    this.#hooks?.restored(before);
    this.#hooks?.sessionChanged();
  }

  #notice(notice: Exclude<Notice, { type: 'apply' | 'restored' }>): void {
    const { boot: now } = this.#time;
    switch (notice.type) {
      case 'role':
        this.#roleChanged(notice);
        return;
      case 'round':
        this.window.round(notice.round, now);
        return;
      case 'heard':
        this.#heard(notice.attachment, now);
        return;
      case 'acked':
        this.#leading.acked(notice.from, notice.attachment);
        return;
      case 'established':
        this.#leading.established();
        return;
      case 'refused':
        if (notice.reason === 'leader-heard') this.#detached = true;
        return;
      case 'malformed':
        this.#options.outbox.note('warn', 'a message of a server makes no sense', {
          server: this.nameOf(notice.from),
        });
        return;
      case 'transfer-failed':
        this.#options.outbox.note('warn', 'leadership was not taken over', {
          server: this.nameOf(notice.to),
        });
        return;
      case 'configuration':
      case 'objected':
        return;
    }
  }

  #roleChanged({ role, term, leader }: Extract<Notice, { type: 'role' }>): void {
    const isNew = term !== this.#term || leader !== this.#leader;
    const isRole = role !== this.#role;
    this.#role = role;
    this.#leader = leader;
    if (term !== this.#term || isRole) this.window.forget();
    this.#term = term;
    if (leader !== null) {
      this.#detached = false;
      this.#everHeard = true;
    }
    if (!isNew && !isRole) return;
    this.proposals.again();
    this.reporter.again();
    if (role === 'leader') this.#leading.begin();
    else this.#leading.end();
    if (leader === null) return;
    const fields = { leader: this.nameOf(leader), term };
    this.#options.outbox.note('info', role === 'leader' ? 'leads' : 'follows', fields);
  }

  #heard(attachment: Uint8Array | null, now: number): void {
    this.#heardAt = now;
    const word = this.#understood(() => (attachment === null ? null : decodeWord(attachment)));
    if (word === null) return;
    this.picture.heard(word);
    for (const { id, transaction } of word.servers) this.memory.learned(id, transaction);
    this.reporter.confirmed(word.change);
    const { echo } = word;
    if (echo !== null && echo.session === this.session) this.window.echoed(echo.number);
  }

  #attachment(message: Message): Uint8Array | null {
    if (isLeaderMessage(message)) return this.#leading.word(message.to);
    if (message.to !== this.#leader) return null;
    return this.reporter.ack(this.#time);
  }

  /** What a peer of another version says may make no sense here; that stops nobody. */
  #understood(read: () => LeaderWord | null): LeaderWord | null {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      this.#options.outbox.note('warn', error.message);
      return null;
    }
  }

  /** Whether a server shows as much as it did before; one that does not is told to end. */
  trusts(server: ServerId, transaction: number): boolean {
    if (this.memory.showed(server, transaction)) return true;
    const known = this.memory.transaction(server);
    const name = this.nameOf(server);
    this.#options.outbox.note('warn', 'a server came back with an older disk, and is refused', {
      ...{ server: name, transaction, known },
    });
    this.#options.outbox.tell(server, {
      type: 'refused',
      code: 'rolled-back',
      message: `The data directory of ${name} was set back to an older state.`,
      hint: 'Its memory is gone: give it a new one with lm server new, and replace it in the RLF.',
    });
    return false;
  }

  nameOf(server: ServerId): string {
    const { servers } = this.state.rlf;
    return servers.find(({ fingerprint }) => fingerprint === server)?.name ?? server;
  }

  #priority(): ServerId[] {
    return this.ledger === undefined
      ? this.#options.founding.servers.map(({ fingerprint }) => fingerprint)
      : this.state.rlf.servers.map(({ fingerprint }) => fingerprint);
  }

  #uptimes(): Map<ServerId, number> {
    const now = this.#time.boot;
    const uptimes = new Map([[this.server, now - this.#startedAt]]);
    for (const [server, since] of this.#linked) uptimes.set(server, now - since);
    return uptimes;
  }
}

/** A server that another one refuses ends, by the name of what is wrong with it. */
export function refusedBy({ code, message, hint }: RefusedMessage): LmError {
  return new LmError(code === 'rolled-back' ? code : 'not-authorized', message, hint);
}

interface RefusedMessage {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}
