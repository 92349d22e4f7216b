/** One server's core with its records in memory, run as the node loop runs it; time stands still. */
import type { Client } from '../../src/engine/client.ts';
import { Core, type CoreOptions } from '../../src/engine/core.ts';
import type { Notice } from '../../src/engine/effects.ts';
import type { Event } from '../../src/engine/event.ts';
import type { Rlf } from '../../src/engine/license/types.ts';
import {
  type ClientMessage,
  type CommuteFields,
  type CoreMessage,
  MessageType,
} from '../../src/engine/messages.ts';
import type { RecordSource, Write } from '../../src/engine/records.ts';
import { fingerprintOf } from './sample-rlf.ts';

export const START = Date.UTC(2026, 0, 15);

/** Records that survive a restart. */
export class Records implements RecordSource {
  readonly #values = new Map<string, Uint8Array>();

  commit(writes: readonly Write[]): void {
    for (const { key, value } of writes) {
      const text = Buffer.from(key).toString('latin1');
      if (value === null) this.#values.delete(text);
      else this.#values.set(text, value.slice());
    }
  }

  get(key: Uint8Array): Uint8Array | null {
    return this.#values.get(Buffer.from(key).toString('latin1')) ?? null;
  }

  *scan(prefix: Uint8Array): Iterable<readonly [Uint8Array, Uint8Array]> {
    const start = Buffer.from(prefix).toString('latin1');
    for (const text of [...this.#values.keys()].filter((key) => key.startsWith(start)).sort()) {
      yield [Buffer.from(text, 'latin1'), this.#values.get(text) ?? new Uint8Array(0)];
    }
  }
}

/** Names the field that a test looks at. */
export type Licensed = Record<string, unknown> & {
  readonly distribution: readonly Record<string, unknown>[];
};

export class Server {
  readonly records: Records;
  readonly notices: Notice[] = [];
  readonly founding: Rlf;
  /** Boot-time and wall clock, in milliseconds; the test moves them. */
  boot = 1_000;
  wall = START;
  core: Core;
  #boots = 0;
  #at: number;
  #answers: { client: Client; message: CoreMessage }[] = [];
  #clients = 0;
  #sequence = 0;

  /** The server at place `at` of the RLF's list. */
  constructor(founding: Rlf, at = 0, records = new Records()) {
    this.founding = founding;
    this.records = records;
    this.#at = at;
    this.core = this.restart();
  }

  /** A new process on the same records. */
  restart(): Core {
    const options: CoreOptions = {
      server: fingerprintOf(this.#at),
      name: this.founding.servers[this.#at]?.name ?? '',
      boot: ++this.#boots,
      transaction: 0,
      start: this.#boots,
      founding: this.founding,
      secret: new Uint8Array(32).fill(7),
    };
    this.core = Core.recover(options, this.records, this.#time());
    this.persist();
    return this.core;
  }

  client(): Client {
    const number = ++this.#clients;
    const who = { user: `u${number}`, host: 'h', pid: number, address: '127.0.0.1' };
    return { number, instance: String(number).padStart(16, '.'), ...who };
  }

  /** Steps these events as one batch; returns the answers. */
  step(...events: Event[]): CoreMessage[] {
    for (const event of events) this.core.step(event, this.#time());
    this.persist();
    const answers = this.#answers.map(({ message }) => message);
    this.#answers = [];
    return answers;
  }

  /** Steps these events and dies once they are on disk, before what is on disk leads to more. */
  crash(...events: Event[]): void {
    this.die(...events);
    this.restart();
  }

  /** The same, and stays down. */
  die(...events: Event[]): void {
    for (const event of events) this.core.step(event, this.#time());
    this.records.commit(this.core.takeEffects().writes);
  }

  /** The answers to one message. */
  ask(client: Client, message: ClientMessage): CoreMessage[] {
    return this.step({ type: 'message', client, message });
  }

  /** Time passes, and the tick that is then due comes. */
  pass(ms: number): CoreMessage[] {
    this.boot += ms;
    this.wall += ms;
    return this.step({ type: 'tick' });
  }

  request(key: number, options: RequestOptions = {}): ClientMessage {
    const { vendor = null, application = 'Application', version = null } = options;
    const { count = 1, patienceMs = 0, holdMs = 0 } = options;
    const { request } = MessageType;
    const wish = [vendor, application, version, count, patienceMs, holdMs] as const;
    const { commute = null } = options;
    return [request, ++this.#sequence, keyBytes(key), ...wish, null, commute];
  }

  heartbeat(key: number): ClientMessage {
    return [MessageType.heartbeat, ++this.#sequence, keyBytes(key), new Uint8Array(0)];
  }

  release(key: number): ClientMessage {
    return [MessageType.release, ++this.#sequence, keyBytes(key), new Uint8Array(0)];
  }

  /** The one license for an application, as the status shows it. */
  license(application = 'Application'): Licensed {
    const query = [MessageType.status, ++this.#sequence, application, null, null, null] as const;
    const [page] = this.ask(this.client(), [...query]);
    const document = page?.[0] === MessageType.statusPage ? page[2] : null;
    const [license] = (document?.['licenses'] ?? []) as Licensed[];
    if (license === undefined) throw new Error(`the status shows no license for ${application}`);
    return license;
  }

  /** Writes, and goes on until nothing is left to be written. */
  persist(): void {
    for (;;) {
      const { writes, replies, notices } = this.core.takeEffects();
      this.records.commit(writes);
      this.#answers.push(...replies);
      this.notices.push(...notices);
      if (writes.length === 0) return;
      this.core.step({ type: 'persisted' }, this.#time());
    }
  }

  #time() {
    return { boot: this.boot, wall: this.wall };
  }
}

export interface RequestOptions {
  readonly vendor?: string;
  readonly application?: string;
  readonly version?: string;
  readonly count?: number;
  readonly patienceMs?: number;
  readonly holdMs?: number;
  readonly commute?: CommuteFields;
}

export function keyBytes(key: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(12, key);
  return bytes;
}
