/**
 * Heartbeats and releases for keys that live at another server that is up (DESIGN section 7): they
 * are passed on to it, through the leader if need be, and so are the answers.
 */
import type { Client } from './client.ts';
import type { Outbox } from './effects.ts';
import { RELAY_MS_MAX, RELAYS_MAX } from './limits.ts';
import type { CoreMessage, Heartbeat, Release } from './messages.ts';
import type { PeerMessage } from './peer-messages.ts';
import type { Pool } from './pool/pool.ts';
import type { ServerId } from './raft/types.ts';

type RelayMessage = Extract<PeerMessage, { type: 'relay' }>;
type RelayedMessage = Extract<PeerMessage, { type: 'relayed' }>;

interface Waiting {
  readonly client: Client;
  readonly endsAt: number;
}

export class Relays {
  readonly #pool: Pool;
  readonly #outbox: Outbox;
  /** Oldest first. */
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;

  constructor(pool: Pool, outbox: Outbox) {
    this.#pool = pool;
    this.#outbox = outbox;
  }

  /** Passes it on. False where there is no way. */
  pass(to: ServerId, client: Client, message: Heartbeat | Release, now: number): boolean {
    if (client.relay !== undefined || this.#waiting.size >= RELAYS_MAX) return false;
    const via = this.#wayTo(to);
    if (via === null) return false;
    const { instance, user, host, pid, address } = client;
    this.#number += 1;
    const number = this.#number;
    this.#waiting.set(number, { client, endsAt: now + RELAY_MS_MAX });
    const origin = this.#pool.server;
    const about = { instance, user, host, pid, address };
    this.#outbox.tell(via, { type: 'relay', origin, to, number, client: about, message });
    return true;
  }

  /** A relay on its way through this server, or null where it is for this one. */
  through(from: ServerId, message: RelayMessage): Client | null {
    const { origin, to, number, client } = message;
    if (to === this.#pool.server) {
      // The number tells it from the connections of this server, which count from 1.
      return { number: -1, ...client, relay: { origin, number } };
    }
    // Passed on once, by the leader, or it could go around for ever.
    if (from === origin && this.#pool.isLinked(to)) this.#outbox.tell(to, message);
    return null;
  }

  answered(message: RelayedMessage): void {
    const { to, number } = message;
    if (to !== this.#pool.server) {
      if (this.#pool.isLinked(to)) this.#outbox.tell(to, message);
      return;
    }
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (waiting !== undefined) this.#outbox.reply(waiting.client, message.message);
  }

  /** The answers of this server to what was passed on to it. */
  send(relayed: Outbox['relayed']): void {
    for (const { origin, number, message } of relayed) {
      const via = this.#wayTo(origin);
      if (via !== null) this.#outbox.tell(via, answer(origin, number, message));
    }
  }

  /** Forgets those that nobody answered: their clients ask again. */
  tick(now: number): void {
    for (const [number, { endsAt }] of this.#waiting) {
      if (endsAt > now) return;
      this.#waiting.delete(number);
    }
  }

  #wayTo(server: ServerId): ServerId | null {
    const { leader } = this.#pool;
    if (this.#pool.isLinked(server)) return server;
    const isOther = leader !== null && leader !== this.#pool.server;
    return isOther && this.#pool.isLinked(leader) ? leader : null;
  }
}

function answer(to: ServerId, number: number, message: CoreMessage): RelayedMessage {
  return { type: 'relayed', to, number, message };
}
