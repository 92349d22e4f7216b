/**
 * This server's place in the pool: its ledger, its grant window, what it hears of the others and
 * says to them (DESIGN sections 4 to 6). What only a leader does is in leading.ts.
 */
import type { Entry, Proposal } from '../ledger/entries.ts';
import { isFenceOf } from '../ledger/epochs.ts';
import { Ledger } from '../ledger/ledger.ts';
import { takesPart } from '../ledger/members.ts';
import type { Applied, LedgerState } from '../ledger/state.ts';
import { WINDOW_MS } from '../limits.ts';
import type { PeerGreeting } from '../peer-messages.ts';
import type { Program } from '../program.ts';
import type { Notice } from '../raft/events.ts';
import { isLeaderMessage, type Message } from '../raft/messages.ts';
import type { ServerId } from '../raft/types.ts';
import type { Write } from '../records.ts';
import type { Time } from '../time.ts';
import { campaignDelayMs } from './campaign.ts';
import { EpochPeers } from './epoch-peers.ts';
import { isHeard } from './greeted.ts';
import { LeaderRequests } from './leader-requests.ts';
import { Leading } from './leading.ts';
import { Listening } from './listening.ts';
import type { PoolHooks, PoolOptions } from './options.ts';
import { Outlook } from './outlook.ts';
import { PeerMemory, type Shown } from './peer-memory.ts';
import { Picture } from './picture.ts';
import { PoolClock, type Stamp } from './pool-clock.ts';
import { Proposals } from './proposals.ts';
import type { Usage } from './report.ts';
import { Reporter } from './reporter.ts';
import { Standing } from './standing.ts';
import { GrantWindow } from './window.ts';
import type { LineWord } from './word.ts';

export class Pool {
  readonly server: ServerId;
  readonly program: Program;
  readonly ledger: Ledger;
  readonly window = new GrantWindow();
  readonly clock = new PoolClock();
  readonly picture = new Picture();
  readonly proposals = new Proposals();
  readonly memory: PeerMemory;
  readonly reporter: Reporter;
  readonly listening: Listening;
  /** What only the leader can do, wherever it is. */
  readonly leaderRequests: LeaderRequests;
  readonly outlook: Outlook;
  readonly #leading: Leading;
  readonly #options: PoolOptions;
  readonly standing: Standing;
  readonly epochs: EpochPeers;
  #hooks: PoolHooks | null = null;
  #time: Time;
  #transaction: number;
  /** Of the last entry applied. */
  #appliedTerm = 0;

  constructor(options: PoolOptions) {
    const { server, source, time } = options;
    this.#options = options;
    this.server = server;
    this.program = options.program;
    this.#time = time;
    this.#transaction = options.transaction;
    this.memory = new PeerMemory(source);
    const { picture } = this;
    // Raft asks when to campaign as it is made: the rest has to be there.
    const state = Ledger.stateAtStart({ ...options, formatMax: options.program.format });
    this.standing = new Standing({ self: server, picture, term: 0, now: time.boot });
    this.ledger = Ledger.recover({
      ...{ server, source, state, now: time.boot },
      campaignDelayMs: (context) => {
        return campaignDelayMs(context, {
          self: server,
          priority: state.members.all.map(({ fingerprint }) => fingerprint),
          uptimeMs: this.standing.uptimesMs(this.#time.boot),
          // A leader that hears nobody calls all of them down: who is linked may campaign, too.
          isUp: (other) => this.picture.saidUp(other) || this.isLinked(other),
        });
      },
    });
    this.standing.term = this.ledger.status.term;
    this.epochs = new EpochPeers(this, options.outbox);
    this.reporter = new Reporter(this, options);
    this.listening = new Listening(this, options.outbox);
    this.#leading = new Leading(this, options);
    this.outlook = new Outlook(this, this.#leading);
    this.leaderRequests = new LeaderRequests(this, this.#leading, options.outbox);
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

  get time(): Time {
    return this.#time;
  }

  /** The last transaction known to be on disk. */
  get transaction(): number {
    return this.#transaction;
  }

  get leads(): boolean {
    return this.standing.leads;
  }

  /** Whom this server takes for the leader. */
  get leader(): ServerId | null {
    return this.standing.leader;
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

  /** It takes part in Raft: it votes, or is being taken in. */
  get takesPart(): boolean {
    return takesPart(this.server, this.state.configuration);
  }

  /** The RLF in force no longer names it: it renews as long as it may, and grants nothing. */
  get isLeaving(): boolean {
    return !this.state.members.lists(this.server);
  }

  /** A pool of one: there is nobody to ask. */
  get isAlone(): boolean {
    return this.state.configuration.voters.length === 1;
  }

  isLinked(server: ServerId): boolean {
    return this.standing.isLinked(server);
  }

  /** Up, as far as this server knows. */
  isUp(server: ServerId): boolean {
    return this.standing.isUp(server, this.#time.boot);
  }

  greeting(time: Time): PeerGreeting {
    const { boot, transaction, start, earlier = [] } = this.#options;
    const uptimeMs = this.standing.uptimeMs(time.boot);
    const { rlf, format } = this.state;
    const newest = { rlfSequence: rlf.sequence, epoch: this.epochs.own, format: format.current };
    return { boot, transaction, start, earlier, uptimeMs, ...newest };
  }

  /** What this server's own disk has come to. */
  get shown(): Shown {
    const { boot, start } = this.#options;
    return { boot, start, transaction: this.#transaction };
  }

  /** Time passed: what is due by it is done, before anything is answered. */
  advance(time: Time): void {
    const gap = time.boot - this.#time.boot;
    this.#time = time;
    if (gap > WINDOW_MS && !this.isAlone) {
      // A clock that jumped, or a process that was stopped: what was planned before is void.
      this.window.forget();
      this.clock.forget();
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

  linked(peer: ServerId, greeting: PeerGreeting): void {
    if (!isHeard(this, this.#options.outbox, { server: peer, greeting })) return;
    const now = this.#time.boot;
    this.standing.linked(peer, now - greeting.uptimeMs);
    if (peer === this.leader) this.proposals.again();
    if (!this.standing.everLed) this.ledger.step({ type: 'reconsider' }, now);
  }

  gone(peer: ServerId): void {
    this.standing.unlinked(peer);
    if (this.leads) this.#leading.lost(peer);
    this.picture.gone(peer);
    this.ledger.step({ type: 'gone', peer }, this.#time.boot);
  }

  raft(from: ServerId, message: Message): void {
    if (message.from !== from || this.memory.isRefused(from)) return;
    this.ledger.step({ type: 'message', message }, this.#time.boot);
    this.#leading.lead();
  }

  /** Pool time, as another server reads it. */
  follow(stamp: Stamp): void {
    const shiftMs = this.clock.follow(stamp, this.#time.boot);
    if (shiftMs === 0) return;
    this.picture.shift(shiftMs);
    this.#hooks?.shifted(shiftMs);
  }

  /** The leader knows who waits at the servers that are up, and this server what it made of it. */
  get knowsLines(): boolean {
    return this.leads ? this.#leading.knowsLines : this.listening.knowsLines;
  }

  /** A follower's report between two acks. */
  report(from: ServerId, body: Uint8Array): void {
    if (this.leads && !this.memory.isRefused(from)) this.#leading.reported(from, body);
  }

  /** The leader's word between two of Raft's messages. */
  word(from: ServerId, body: Uint8Array): void {
    if (from === this.leader && !this.leads) this.listening.listen(body);
  }

  /** This server's rows changed: the leader hears of it, or plans anew who lends to whom. */
  used(rows: readonly Usage[], urgent: boolean): void {
    this.reporter.changed(rows, { now: this.#time.boot, urgent });
    this.#leading.used(rows);
  }

  /** Who lends to whom, where this server leads. */
  lend(): void {
    const lines = this.#leading.lend();
    if (lines !== null) this.heardLines(lines);
  }

  /** What this server has to know of lines; it may know it as leader. */
  heardLines(lines: readonly LineWord[]): void {
    this.#hooks?.lines(lines);
  }

  /** The number under which it will be applied, or null where nothing can be proposed now. */
  propose(proposal: Proposal): number | null {
    if (this.session === null || this.proposals.full) return null;
    return this.proposals.add(proposal);
  }

  /** The number of a proposal of this server's session; null for what is another's. */
  ownNumber(entry: Entry | null): number | null {
    if (entry === null || !('by' in entry) || entry.by.server !== this.server) return null;
    return entry.by.session === this.session ? entry.by.number : null;
  }

  /** Ends a step: proposals go into the log, or to the leader. */
  takeWrites(): Write[] {
    this.#forwardProposals();
    this.#leading.append();
    return this.ledger.takeWrites();
  }

  get nextDue(): number {
    const own = Math.min(this.ledger.wakeAt, this.#leading.nextDue);
    const tells = !this.leads && this.leader !== null && this.isLinked(this.leader);
    return tells ? Math.min(own, this.proposals.nextDue, this.reporter.nextDue) : own;
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
    if (this.leader === null || !this.isLinked(this.leader)) return;
    if (!this.proposals.isDue(now) && this.reporter.nextDue > now) return;
    const body = this.reporter.report(this.#time);
    this.#options.outbox.tell(this.leader, { type: 'report', body });
  }

  #applied(applied: Applied): void {
    const { entry, valid, index } = applied;
    const { server, boot } = this.#options;
    if (applied.term !== this.#appliedTerm) {
      // A leader drops what is proposed before an entry of its own term is committed.
      this.#appliedTerm = applied.term;
      this.proposals.again();
    }
    const number = this.ownNumber(entry);
    if (number !== null) this.proposals.applied(number);
    this.#leading.applied(applied);
    let isChanged = valid && isFenceOf(entry, server) && this.session !== null;
    if (valid && isFenceOf(entry, server)) this.proposals.end();
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
    const proposal = isSame ? (known?.proposal ?? 0) : Number.POSITIVE_INFINITY;
    if (isSame) this.proposals.appliedTo(proposal);
    this.#hooks?.restored({ before, proposal });
    if (!isSame) this.#hooks?.sessionChanged();
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
        this.standing.heard(now);
        if (notice.attachment !== null) this.listening.listen(notice.attachment);
        return;
      case 'acked':
        this.#leading.acked(notice.from, notice.attachment);
        return;
      case 'established':
        this.#leading.established();
        return;
      case 'refused':
        if (notice.reason === 'leader-heard') this.standing.refused();
        return;
      case 'malformed':
        this.#warn('a message of a server makes no sense', notice.from);
        return;
      case 'transfer-failed':
        this.#warn('leadership was not taken over', notice.to);
        return;
    }
  }

  #roleChanged(notice: Extract<Notice, { type: 'role' }>): void {
    const { role, term, leader } = notice;
    const isOther = role !== this.standing.role || term !== this.standing.term;
    if (isOther) this.window.forget();
    if (!this.standing.changed(notice)) return;
    for (const news of [this.proposals, this.reporter]) news.again();
    if (isOther) this.listening.forget();
    if (role === 'leader') this.#leading.begin();
    else this.#leading.end();
    if (leader === null || this.state.rlf.servers.length === 1) return;
    const words = role === 'leader' ? 'leads' : 'follows';
    this.#options.outbox.note('info', words, { leader: this.nameOf(leader), term });
  }

  #attachment(message: Message): Uint8Array | null {
    if (isLeaderMessage(message)) return this.#leading.word(message.to);
    if (message.to !== this.leader) return null;
    return this.reporter.ack(this.#time);
  }

  #warn(message: string, server: ServerId): void {
    this.#options.outbox.note('warn', message, { server: this.nameOf(server) });
  }

  nameOf(server: ServerId): string {
    return this.state.members.find(server)?.name ?? server;
  }
}
