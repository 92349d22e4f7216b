/**
 * What only the leader does: it hears its followers' acks and echoes them, enters fences, openings
 * and returns in the ledger, advances the mark, takes in what others propose (DESIGN section 6).
 */
import { createHmac } from 'node:crypto';
import type { Outbox } from '../effects.ts';
import { LmError } from '../errors.ts';
import type { Accounts } from '../ledger/accounts.ts';
import { decodeProposal, type Entry } from '../ledger/entries.ts';
import type { Restart } from '../ledger/epochs.ts';
import type { Applied } from '../ledger/state.ts';
import { readRlf } from '../license/rlf.ts';
import { MARK_INTERVAL_MS, MARK_RETRY_MS } from '../limits.ts';
import { majority } from '../raft/membership.ts';
import type { ServerId } from '../raft/types.ts';
import type { Time } from '../time.ts';
import { Ahead, FENCE_AFTER_ACK_MS, FENCE_UNHEARD_MS, Openings } from './fencing.ts';
import { Lending, type Place } from './lending.ts';
import { Membership } from './membership.ts';
import { shifted } from './picture.ts';
import type { Pool } from './pool.ts';
import { decodeReport, type Report, type Usage } from './report.ts';
import { encodeWord, type LineWord } from './word.ts';

export interface LeadingOptions {
  readonly boot: number;
  readonly secret: Uint8Array;
  readonly outbox: Outbox;
  readonly licenseTime: (time: Time) => number;
}

/** Who knows one secret knows no other: what they come from never leaves this server. */
function secretOf(random: Uint8Array, generation: number): Uint8Array {
  return createHmac('sha256', random).update(`lm-secret-v1 ${generation}`).digest();
}

export class Leading {
  readonly #pool: Pool;
  readonly #options: LeadingOptions;
  readonly #ahead = new Ahead();
  readonly #openings = new Openings();
  readonly #lending: Lending;
  readonly #membership: Membership;
  /** Since when an entry of this server's term is committed; null while it does not lead so. */
  #establishedAt: number | null = null;
  /** The next proposal to take from each server, by its session. */
  readonly #taken = new Map<ServerId, { readonly session: number; readonly next: number }>();
  /** What was entered in this term, and may not be applied yet. */
  #entered = { mark: 0, rlf: 0, secret: 0, epoch: 0 };
  #mayIssue = false;
  #nextDue = Number.POSITIVE_INFINITY;

  constructor(pool: Pool, options: LeadingOptions) {
    this.#pool = pool;
    this.#options = options;
    this.#lending = new Lending(pool);
    this.#membership = new Membership(pool, this.#ahead, options.outbox);
  }

  /** It led a majority once in this term, and the log does not say that it is fenced. */
  get mayIssue(): boolean {
    return this.#mayIssue;
  }

  get nextDue(): number {
    return this.#nextDue;
  }

  /** This server was elected. */
  begin(): void {
    this.end();
    this.#pool.picture.forget();
    this.#readLog();
  }

  /** What the log says beyond what is applied, and nothing else, is on its way. */
  #readLog(): void {
    this.#ahead.clear();
    this.#openings.changed();
    this.#entered = { mark: 0, rlf: 0, secret: 0, epoch: 0 };
    this.#taken.clear();
    for (const logEntry of this.#pool.ledger.unapplied()) {
      this.#ahead.note(logEntry);
      const { entry } = logEntry;
      if (entry?.type === 'rlf') this.#entered.rlf = entry.sequence;
      if (entry?.type === 'secret') this.#entered.secret = entry.generation;
      if (entry?.type === 'epoch') this.#entered.epoch = entry.epoch;
      if (entry === null || !('by' in entry)) continue;
      const { server, session, number } = entry.by;
      this.#taken.set(server, { session, next: number + 1 });
    }
  }

  end(): void {
    this.#establishedAt = null;
    this.#membership.forget();
    this.#lending.forget();
    this.#mayIssue = false;
    this.#nextDue = Number.POSITIVE_INFINITY;
  }

  established(): void {
    this.#establishedAt = this.#pool.time.boot;
  }

  /** At the start: a fence that is in the records is timed from now. */
  recovered(): void {
    const { state, time } = this.#pool;
    for (const { fingerprint } of state.members.all) {
      const { fence = null } = state.servers.get(fingerprint) ?? {};
      if (fence !== null) this.#openings.fenced(fingerprint, fence, time.boot);
    }
  }

  applied({ index, entry, valid, touched }: Applied): void {
    if (touched === null) this.#lending.touchAll();
    for (const license of touched ?? []) this.#lending.touch(license);
    // In force or void: it is not on its way any more.
    if (entry?.type === 'rlf' && entry.sequence === this.#entered.rlf) this.#entered.rlf = 0;
    if (entry?.type === 'secret' && entry.generation === this.#entered.secret) {
      this.#entered.secret = 0;
    }
    if (!valid || entry === null || 'by' in entry) {
      return;
    }
    const { boot: now } = this.#pool.time;
    if (entry.type === 'epoch') this.recovered();
    else if (entry.type === 'fenced') this.#openings.fenced(entry.server, index, now);
    else this.#openings.changed();
  }

  acked(from: ServerId, attachment: Uint8Array | null): void {
    const { picture, time } = this.#pool;
    // Seats that were to go to it, or to come from it, waited for it.
    if (!picture.isUp(from, time.boot)) this.#lending.touchAll();
    picture.acked(from, time.boot);
    if (attachment !== null) this.reported(from, attachment);
  }

  reported(from: ServerId, body: Uint8Array): void {
    try {
      const report = this.#read(body);
      const { boot } = this.#pool.picture.peer(from);
      if (boot !== 0 && boot !== report.boot) this.lost(from);
      this.#pool.memory.reported(from, report.boot, report.transaction);
      this.#pool.picture.reported(from, report);
      for (const { license, headSince } of report.usage) {
        this.#lending.touch(license);
        if (headSince !== null) this.#lending.asked(from);
      }
      const { session, firstProposal, proposals } = report;
      if (session !== null) this.proposed(from, session, firstProposal, proposals);
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      const server = this.#pool.nameOf(from);
      this.#options.outbox.note('warn', error.message, { server });
    }
  }

  #read(body: Uint8Array): Report {
    const report = decodeReport(body);
    const { clock, time } = this.#pool;
    // Who leads anew without pool time of its own goes on with that of the others.
    if (!this.#lending.isReady && report.clock.origin > clock.origin)
      this.#pool.follow(report.clock);
    const byMs = clock.translate(0, report.clock, time.boot);
    return { ...report, usage: report.usage.map((row) => shifted(row, byMs)) };
  }

  /** Takes those that are next; what came before or is out of order does nothing. */
  proposed(server: ServerId, session: number, first: number, all: readonly Uint8Array[]): void {
    const known = this.#pool.state.servers.get(server);
    if (this.#establishedAt === null || known?.session !== session) return;
    const taken = this.#taken.get(server);
    let next = known.proposal + 1;
    if (taken?.session === session) next = Math.max(next, taken.next);
    for (const [at, bytes] of all.entries()) {
      const number = first + at;
      if (number !== next) continue;
      const by = { server, session, number };
      this.#pool.ledger.propose({ ...decodeProposal(bytes), by });
      next += 1;
      this.#taken.set(server, { session, next });
    }
  }

  enter(entry: Extract<Entry, { type: 'evict' | 'rlf' | 'format' }>): void {
    if (this.#establishedAt === null) return;
    if (entry.type === 'rlf') {
      if (entry.sequence <= Math.max(this.#entered.rlf, this.#pool.state.rlf.sequence)) return;
      this.#entered.rlf = entry.sequence;
    }
    this.#pool.ledger.propose(entry);
  }

  /** Appends what was proposed. Where that can't be, all of it is proposed again by its author. */
  append(): void {
    const appended = this.#pool.ledger.append();
    for (const logEntry of appended ?? []) this.#ahead.note(logEntry);
    if (appended === null && this.#pool.leads) this.#readLog();
  }

  /** What is said to a follower with every message. */
  word(to: ServerId): Uint8Array {
    const { clock, picture, memory, state, server: self, time, shown } = this.#pool;
    const peer = picture.peer(to);
    const others = state.members.all.filter(({ fingerprint }) => fingerprint !== to);
    const word = {
      echo: this.#mayEcho(to) ? peer.echo : null,
      change: peer.change,
      servers: others.map(({ fingerprint: id }) => {
        if (id === self) return { id, up: true, shown };
        return { id, up: picture.isUp(id, time.boot), shown: memory.shown(id) };
      }),
      lines: this.#lending.wordsFor(to),
      clock: clock.stamp(time.boot),
    };
    return encodeWord(word);
  }

  /** Only while its own window is open, and only to who returned, by the ack of that session. */
  #mayEcho(to: ServerId): boolean {
    const { picture, state, time, window } = this.#pool;
    if (this.#establishedAt === null || !window.isOpen(time.boot)) return false;
    if (this.#pool.ledger.restart !== null) return false;
    if (this.#membership.isStopped(to)) return false;
    const newest = this.#ahead.newest(to, state);
    return newest?.type === 'returned' && newest.index === picture.peer(to).echo?.session;
  }

  /** It knows who waits at all servers that are up. */
  get knowsLines(): boolean {
    return this.#lending.isReady;
  }

  /** A server is gone, or was: those who waited there may come to another one. */
  lost(server: ServerId): void {
    this.#lending.lost(server);
  }

  /** This server's own rows changed. */
  used(rows: readonly Usage[]): void {
    for (const { license } of rows) this.#lending.touch(license);
  }

  /** Who is to lend to whom. Returns what this server itself has to know, if that changed. */
  lend(): readonly LineWord[] | null {
    if (this.#establishedAt === null) return null;
    const { server: self } = this.#pool;
    const news = this.#lending.plan(this.#establishedAt);
    for (const server of [...news].sort()) {
      if (server === self) continue;
      this.#options.outbox.tell(server, { type: 'word', body: this.word(server) });
    }
    return news.has(self) ? this.#lending.wordsFor(self) : null;
  }

  /** Where seats of a license are; null before this leader knows. */
  places(license: string): readonly Place[] | null {
    return this.#establishedAt === null ? null : this.#lending.places(license);
  }

  /** When a fenced server's row of a license can be lent, as this server times it. */
  opensAt(server: ServerId, account: Accounts): number | null {
    return this.#openings.at(server, account, this.#pool.state);
  }

  /** Does what is due. */
  lead(): void {
    const { ledger, state, window, server: self, time } = this.#pool;
    if (this.#establishedAt === null) return;
    this.#nextDue = Number.POSITIVE_INFINITY;
    if (ledger.restart !== null) {
      this.#enterEpoch(ledger.restart);
      return;
    }
    window.acked(ledger.quorumRound);
    this.#nextDue = Math.min(this.#nextDue, this.#lending.nextDue);
    this.#keepSecret();
    this.#advanceMark(time);
    for (const server of state.holders.voters) {
      if (server !== self) this.#fence(server);
      this.#open(server);
      this.#return(server);
    }
    if (this.#entered.rlf === 0) this.#membership.lead();
    this.#nextDue = Math.min(this.#nextDue, this.#membership.nextDue);
    const newest = this.#ahead.newest(self, state);
    this.#mayIssue = newest?.type === 'returned' && newest.index === this.#pool.session;
  }

  /** The pool is restarted: all servers of before are fenced, and nothing comes before that. */
  #enterEpoch({ epoch, text }: Restart): void {
    if (this.#entered.epoch === epoch) return;
    this.#entered.epoch = epoch;
    const { sequence, digest } = readRlf(text);
    this.#pool.ledger.propose({ type: 'epoch', epoch, sequence, digest, text });
  }

  /** There is one, and nobody who left the pool knows it. */
  #keepSecret(): void {
    if (this.#entered.secret !== 0) return;
    const { current, isStale, full } = this.#pool.state.secrets;
    if (current === null || (isStale && !full)) this.rotateSecret();
  }

  /** Tickets are signed by a new secret from then on (DESIGN section 9). */
  rotateSecret(): void {
    if (this.#establishedAt === null) return;
    const { state, ledger } = this.#pool;
    const generation = 1 + Math.max(state.secrets.generation, this.#entered.secret);
    this.#entered.secret = generation;
    const secret = secretOf(this.#options.secret, generation);
    ledger.propose({ type: 'secret', generation, secret });
  }

  #fence(server: ServerId): void {
    const { picture, state, time } = this.#pool;
    if (this.#ahead.newest(server, state)?.type === 'fenced') return;
    const { ackedAt } = picture.peer(server);
    const unheardAt = (this.#establishedAt ?? time.boot) + FENCE_UNHEARD_MS;
    const silentAt = ackedAt === null ? unheardAt : ackedAt + FENCE_AFTER_ACK_MS;
    // What earlier leaders echoed to it has ended by then too.
    const stoppedAt = Math.max(this.#membership.windowEnd(server), unheardAt);
    const at = Math.min(silentAt, stoppedAt);
    this.#nextDue = Math.min(this.#nextDue, at);
    if (at > time.boot) return;
    this.#enter({ type: 'fenced', server });
    this.#options.outbox.note('warn', 'a server is fenced: it may not issue any more', {
      server: this.#pool.nameOf(server),
    });
  }

  #open(server: ServerId): void {
    const { state, time } = this.#pool;
    const newest = this.#ahead.newest(server, state);
    const isFenced = newest?.type === 'fenced' && newest.index <= state.applied;
    if (!isFenced || this.#ahead.isOpening(server, state)) return;
    const licenses = this.#openings.due(server, state, time.boot);
    this.#nextDue = Math.min(this.#nextDue, this.#openings.nextDue(server));
    if (licenses.length === 0) return;
    this.#enter({ type: 'opened', server, fence: newest.index, licenses });
  }

  /** It asks for it, and has not had it. */
  #return(server: ServerId): void {
    const { picture, state, server: self, session } = this.#pool;
    // After a restart of the pool everything of before has to be over.
    if (!state.members.lists(server) || state.awaited.length > 0) return;
    const newest = this.#ahead.newest(server, state);
    const fence = newest === null ? null : newest.type === 'fenced' ? newest.index : newest.fence;
    const own = session === null ? { fence } : null;
    const asked = server === self ? own : picture.peer(server).returns;
    const boot = server === self ? this.#options.boot : picture.peer(server).boot;
    if (asked === null || asked.fence !== fence) return;
    if (newest?.type === 'returned' && newest.boot >= boot) return;
    this.#enter({ type: 'returned', server, boot, fence });
  }

  /** Enters the wall time that a majority's clocks passed: now and then, and when it matters. */
  #advanceMark(time: Time): void {
    const { state } = this.#pool;
    const { mark, table } = state;
    const reached = this.#wallTime(time);
    const last = Math.max(mark, this.#entered.mark);
    const change = table.nextChange(last) ?? Number.POSITIVE_INFINITY;
    const isDue = this.#entered.mark === 0 || reached >= Math.min(last + MARK_INTERVAL_MS, change);
    if (isDue && reached > last) {
      this.#entered.mark = reached;
      this.#pool.ledger.propose({ type: 'mark', time: reached });
    }
    const from = Math.max(last, this.#entered.mark);
    const next = Math.min(
      from + MARK_INTERVAL_MS,
      table.nextChange(from) ?? Number.POSITIVE_INFINITY,
    );
    const retryMs = state.configuration.voters.length > 1 ? MARK_RETRY_MS : 1;
    this.#nextDue = Math.min(this.#nextDue, time.boot + Math.max(retryMs, next - reached));
  }

  /** What the clocks of a majority say at least. One that said nothing yet says nothing. */
  #wallTime(time: Time): number {
    const { picture, server: self, state } = this.#pool;
    const { configuration } = state;
    const own = this.#options.licenseTime(time);
    const readings = configuration.voters
      .map((server) => (server === self ? own : picture.peer(server).wall))
      .sort((a, b) => b - a);
    return readings[majority(configuration) - 1] ?? 0;
  }

  /** In the log of this step: nothing else is entered for the same reason meanwhile. */
  #enter(entry: Entry): void {
    this.#ahead.note({ index: Number.POSITIVE_INFINITY, term: 0, entry });
    this.#pool.ledger.propose(entry);
  }
}
