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
/** Connections of clients count from 1. */
const CONNECTION = 0;

export class Administrator {
  readonly #world: PoolWorld;
  readonly #random: Random;
  #acts: number;

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
    server.host.later(0, () => this.#tell(server, act, number));
    return server.process !== null;
  }

  #tell(server: PoolServer, act: AdminAct, number: number): void {
    const { process } = server;
    if (process === null) return;
    const { rlf, epoch } = process.core.state;
    const nonce = Buffer.from(String(number).padStart(16, '0')).toString('base64url');
    const expires = server.host.time.wall + VALID_MS;
    const document = { ...act, pool: rlf.pool, epoch, server: server.name, nonce, expires };
    this.#world.trace(() => `${server.name} is told to ${Object.values(act).join(' ')}`);
    const signature = signDocument('lm-admin-v1', document, ADMIN);
    const message = [MessageType.act, number, adminText(document), signature] as const;
    server.receive({ type: 'message', client: CLIENT, message: [...message] });
  }
}

const CLIENT: Answerable = {
  ...{ number: CONNECTION, instance: 'administrator'.padEnd(16, '.'), user: 'admin' },
  ...{ host: 'host', pid: 1, address: '127.0.0.1:1' },
  send: () => undefined,
  flush: () => undefined,
};
