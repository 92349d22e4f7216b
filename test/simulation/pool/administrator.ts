/**
 * Who runs a simulated pool: evicts seats, hands leadership on, and raises the format, at any server
 * and any moment.
 */
import { type AdminAct, adminText } from '../../../src/engine/license/admin-act.ts';
import { signDocument } from '../../../src/engine/license/signed-document.ts';
import { MessageType } from '../../../src/engine/messages.ts';
import { idBytes } from '../../../src/engine/seat-key.ts';
import type { Answerable } from '../../../src/net/node.ts';
import { ADMIN } from '../../engine/sample-rlf.ts';
import type { Random } from '../random.ts';
import type { PoolServer } from './server.ts';
import type { PoolWorld } from './world.ts';

const VALID_MS = 60_000;
const VALID_LONG_MS = 8 * VALID_MS;
const ID_BYTES = 16;
/** Connections of clients count from 1. */
const CONNECTION = 0;

/** An act for a server of an epoch before, which must do nothing. */
export interface OldAct {
  readonly server: PoolServer;
  readonly message: ActMessage;
}

type ActMessage = readonly [typeof MessageType.act, number, string, string];

export class Administrator {
  readonly #world: PoolWorld;
  readonly #random: Random;
  #acts: number;
  readonly #oldIds = new Set<string>();

  /** Acts are numbered from `first` on. */
  constructor(world: PoolWorld, random: Random, first = 0) {
    this.#world = world;
    this.#random = random;
    this.#acts = first;
  }

  /** A seat that somebody has; false where nobody has one. */
  evict(): boolean {
    const seats = this.#world.clients.flatMap((client) => [...client.seats]);
    const held = seats.filter(({ phase }) => phase === 'held');
    if (held.length === 0) return false;
    const { id } = this.#random.pick(held);
    return this.#act({ act: 'evict', id: Buffer.from(idBytes(id)).toString('base64url') });
  }

  /** An eviction of what nobody has, to be said later; null where the server does not run. */
  prepare(server: PoolServer): OldAct | null {
    const id = new Uint8Array(ID_BYTES).fill(0xee);
    id[0] = this.#oldIds.size;
    const message = this.#message(server, {
      act: 'evict',
      id: Buffer.from(id).toString('base64url'),
    });
    if (message === null) return null;
    this.#oldIds.add(Buffer.from(id).toString('latin1'));
    return { server, message };
  }

  repeat({ server, message }: OldAct): void {
    server.host.later(0, () => {
      this.#world.trace(() => `${server.name} is told what an epoch before was told`);
      server.receive({ type: 'message', client: CLIENT, message: [...message] });
    });
  }

  /** Ids that no act in force evicts. */
  get oldIds(): ReadonlySet<string> {
    return this.#oldIds;
  }

  transfer(): boolean {
    return this.#act({ act: 'transfer', to: this.#random.pick(this.#world.servers).name });
  }

  /** The leader is asked as a rule: nobody else can. */
  upgrade(): boolean {
    const { servers } = this.#world;
    const leaders = servers.filter(({ leads }) => leads);
    const asked = leaders.length > 0 && this.#random.chance(0.9) ? leaders : servers;
    return this.#act({ act: 'upgrade' }, this.#random.pick(asked));
  }

  #act(act: AdminAct, server = this.#random.pick(this.#world.servers)): boolean {
    this.#acts += 1;
    const number = this.#acts;
    server.host.later(0, () => {
      const message = this.#message(server, act, { number, validMs: VALID_MS });
      if (message === null) return;
      this.#world.trace(() => `${server.name} is told to ${Object.values(act).join(' ')}`);
      server.receive({ type: 'message', client: CLIENT, message: [...message] });
    });
    return server.process !== null;
  }

  #message(
    server: PoolServer,
    act: AdminAct,
    { number, validMs } = { number: ++this.#acts, validMs: VALID_LONG_MS },
  ): ActMessage | null {
    const { process } = server;
    if (process === null) return null;
    const { rlf, epoch } = process.core.state;
    const nonce = Buffer.from(String(number).padStart(16, '0')).toString('base64url');
    const expires = server.host.time.wall + validMs;
    const document = { ...act, pool: rlf.pool, epoch, server: server.name, nonce, expires };
    const signature = signDocument('lm-admin-v1', document, ADMIN);
    return [MessageType.act, number, adminText(document), signature];
  }
}

const CLIENT: Answerable = {
  ...{ number: CONNECTION, instance: 'administrator'.padEnd(16, '.'), user: 'admin' },
  ...{ host: 'host', pid: 1, address: '127.0.0.1:1' },
  send: () => undefined,
  flush: () => undefined,
};
