/** Administrative acts of clients: evict, transfer, a new secret, upgrade (DESIGN section 9). */
import type { Client } from './client.ts';
import type { Outbox } from './effects.ts';
import { type ErrorDetails, LmError } from './errors.ts';
import { AdminActs, type AdminDocument } from './license/admin-act.ts';
import { bytesOfBase64url } from './license/base64url.ts';
import { ACT_AGAIN_MS, ACT_TRIED_MS, COMMUTER_SKEW_MS } from './limits.ts';
import { type Act, MessageType } from './messages.ts';
import type { Pool } from './pool/pool.ts';
import { formatToRaise } from './pool/upgrade.ts';
import type { ServerId } from './raft/types.ts';
import { ID_BYTES, idText } from './seat-key.ts';
import type { Time } from './time.ts';

/** An eviction that is not in the ledger yet: shown to whoever leads, again and again. */
interface Eviction {
  readonly id: Uint8Array;
  /** A commuted seat is freed before its end. */
  readonly force: boolean;
  readonly until: number;
  readonly waiting: Waiting[];
}

interface Waiting {
  readonly client: Client;
  readonly sequence: number;
}

export class Acts {
  readonly #pool: Pool;
  readonly #outbox: Outbox;
  readonly #name: string;
  readonly #acts = new AdminActs();
  /** By id. */
  readonly #evictions = new Map<string, Eviction>();
  /** Who is to lead, and until when that is asked for. */
  #transferring: { readonly to: ServerId; readonly until: number } | null = null;
  #nextDue = Number.POSITIVE_INFINITY;
  /** Who waits for a new secret. */
  readonly #rotating: Waiting[] = [];
  /** Who waits for a later format. */
  readonly #upgrading: Waiting[] = [];

  constructor(pool: Pool, outbox: Outbox, name: string) {
    this.#pool = pool;
    this.#outbox = outbox;
    this.#name = name;
  }

  get nextDue(): number {
    return this.#nextDue;
  }

  act(client: Client, [, sequence, text, signature]: Act, time: Time): void {
    try {
      const { rlf, epoch } = this.#pool.state;
      const addressee = { rlf, epoch, server: this.#name, now: time.wall };
      const document = this.#acts.read(text, signature, addressee);
      this.#carryOut(document, { client, sequence });
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      const { code, message, hint, details } = error;
      this.#outbox.reply(client, [MessageType.error, sequence, code, message, hint, details]);
    }
  }

  /** There is a new secret. */
  rotated(generation: number): void {
    this.#done(this.#rotating.splice(0), { generation });
  }

  /** The pool has a later format. */
  upgraded(format: number): void {
    this.#outbox.note('info', 'the pool has another format', { format });
    this.#done(this.#upgrading.splice(0), { format, raised: true });
  }

  /** An eviction is applied. */
  evicted(id: string): void {
    const eviction = this.#evictions.get(id);
    this.#evictions.delete(id);
    const commute = this.#pool.state.held.get(id)?.commute ?? null;
    const until = commute === null ? null : new Date(commute.end + COMMUTER_SKEW_MS).toISOString();
    // A commuted seat that is still in its record comes back then.
    const details = until === null ? {} : { commuted: true, freeAt: until };
    this.#done(eviction?.waiting ?? [], details);
  }

  /** A leader may have been lost with what it was asked for, or not have been established yet. */
  tick({ boot: now }: Time): void {
    if (now < this.#nextDue) return;
    this.#nextDue = Number.POSITIVE_INFINITY;
    for (const [id, { until }] of this.#evictions) if (until <= now) this.#evictions.delete(id);
    const { leader, leaderRequests } = this.#pool;
    for (const { id, force } of this.#evictions.values()) leaderRequests.evict(id, force);
    const transfer = this.#transferring;
    if (transfer === null || transfer.until <= now || transfer.to === leader) {
      this.#transferring = null;
    } else {
      leaderRequests.transfer(transfer.to);
    }
    if (this.#evictions.size > 0 || this.#transferring !== null) this.#nextDue = now + ACT_AGAIN_MS;
  }

  #carryOut(document: AdminDocument, waiting: Waiting): void {
    if (this.#pool.leader === null) {
      const message = 'There is no leader now that could carry this out.';
      throw new LmError('no-majority', message, 'Try again once a majority of the pool is up.');
    }
    if (document.act === 'transfer') {
      this.#transfer(document.to, waiting);
      return;
    }
    if (document.act === 'rotate-secret') {
      this.#rotate(waiting);
      return;
    }
    if (document.act === 'upgrade') {
      this.#upgrade(waiting);
      return;
    }
    const bytes = bytesOfBase64url(document.id);
    if (bytes?.length !== ID_BYTES) {
      throw new LmError('bad-data', 'This is not the id of an authorization.', HINT);
    }
    const id = idText(bytes);
    const force = document.force === true;
    if (force && (this.#pool.state.held.get(id)?.commute ?? null) === null) {
      const message = 'Only a commuted seat can be freed before its end, and this is none.';
      throw new LmError('usage', message, 'Evict it without force: it comes back by its lifetime.');
    }
    const until = this.#pool.time.boot + ACT_TRIED_MS;
    const others = this.#evictions.get(id)?.waiting ?? [];
    this.#evictions.set(id, { id: bytes.slice(), force, until, waiting: [...others, waiting] });
    this.#again();
    this.#outbox.note('info', 'an authorization is evicted', { id: document.id, force });
  }

  #again(): void {
    this.#nextDue = Number.NEGATIVE_INFINITY;
    this.tick(this.#pool.time);
  }

  #rotate(waiting: Waiting): void {
    if (this.#pool.state.secrets.full) {
      const message = 'There were so many new secrets of late that old tickets would be forgotten.';
      throw new LmError('busy', message, 'Try again tomorrow.');
    }
    this.#rotating.push(waiting);
    this.#pool.leaderRequests.rotateSecret();
    this.#outbox.note('info', 'an administrator has the secret of tickets rotated');
  }

  /** The leader knows what runs at the others. */
  #upgrade(waiting: Waiting): void {
    const { leader, leads, state, time } = this.#pool;
    if (!leads) {
      const name = leader === null ? null : this.#pool.nameOf(leader);
      const message = `Server ${name} leads the pool; this one can't raise its format.`;
      throw new LmError('busy', message, 'Send it to the leader.', { leader: name });
    }
    if (!this.#pool.mayIssue(time.boot)) {
      const message = 'The leader is not in contact with a majority of the pool.';
      throw new LmError('no-majority', message, 'Try again once it is.');
    }
    const format = formatToRaise(this.#pool);
    if (format === state.format.current) {
      this.#done([waiting], { format, raised: false });
      return;
    }
    this.#upgrading.push(waiting);
    this.#pool.leaderRequests.raiseFormat(format);
    this.#outbox.note('info', 'an administrator raises the format of the pool', { format });
  }

  #done(waiting: readonly Waiting[], details: ErrorDetails): void {
    for (const { client, sequence } of waiting) {
      this.#outbox.reply(client, [MessageType.done, sequence, details]);
    }
  }

  #transfer(to: string, { client, sequence }: Waiting): void {
    const { servers } = this.#pool.state.rlf;
    const server = servers.find(({ name }) => name === to);
    if (server === undefined) {
      const names = servers.map(({ name }) => name).join(', ');
      throw new LmError('usage', `The pool has no server ${to}; it has ${names}.`, 'Name one.');
    }
    const { fingerprint } = server;
    if (fingerprint !== this.#pool.leader) {
      if (!this.#pool.isUp(fingerprint)) {
        throw new LmError('unreachable', `Server ${to} is not up.`, 'Start it, or name another.');
      }
      this.#transferring = { to: fingerprint, until: this.#pool.time.boot + ACT_TRIED_MS };
      this.#again();
      this.#outbox.note('info', 'an administrator hands leadership on', { to });
    }
    this.#done([{ client, sequence }], { to });
  }
}

const HINT = 'lm status --pool --json shows them.';
