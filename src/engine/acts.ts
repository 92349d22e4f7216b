/** Administrative acts of clients: evict, transfer (DESIGN section 9). */
import type { Client } from './client.ts';
import type { Outbox } from './effects.ts';
import { LmError } from './errors.ts';
import { AdminActs, type AdminDocument } from './license/admin-act.ts';
import { bytesOfBase64url } from './license/base64url.ts';
import { COMMUTER_SKEW_MS } from './limits.ts';
import { type Act, MessageType } from './messages.ts';
import type { Pool } from './pool/pool.ts';
import { ID_BYTES, idText } from './seat-key.ts';
import type { Time } from './time.ts';

interface Waiting {
  readonly client: Client;
  readonly sequence: number;
}

export class Acts {
  readonly #pool: Pool;
  readonly #outbox: Outbox;
  readonly #name: string;
  readonly #acts = new AdminActs();
  /** Who waits for an eviction to be in the ledger, by id. */
  readonly #waiting = new Map<string, Waiting[]>();

  constructor(pool: Pool, outbox: Outbox, name: string) {
    this.#pool = pool;
    this.#outbox = outbox;
    this.#name = name;
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

  /** An eviction is applied. */
  evicted(id: string): void {
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    const commute = this.#pool.state.held.get(id)?.commute ?? null;
    const until = commute === null ? null : new Date(commute.end + COMMUTER_SKEW_MS).toISOString();
    // A commuted seat that is still in its record comes back then.
    const details = until === null ? {} : { commuted: true, freeAt: until };
    for (const { client, sequence } of waiting) {
      this.#outbox.reply(client, [MessageType.done, sequence, details]);
    }
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
    this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), waiting]);
    this.#pool.leaderRequests.evict(bytes, force);
    this.#outbox.note('info', 'an authorization is evicted', { id: document.id, force });
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
      this.#pool.leaderRequests.transfer(fingerprint);
      this.#outbox.note('info', 'an administrator hands leadership on', { to });
    }
    this.#outbox.reply(client, [MessageType.done, sequence, { to }]);
  }
}

const HINT = 'lm status --pool --json shows them.';
