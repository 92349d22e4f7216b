/** A client of a scenario: its key, the tickets it got, and the seats that it may believe in. */
import type { Client } from '../../src/engine/client.ts';
import { type CoreMessage, MessageType } from '../../src/engine/messages.ts';
import { idTextOfKey, keyId } from '../../src/engine/seat-key.ts';

const { grant, alive, fenced, waiting } = MessageType;
/** A sequence number names its client, too. */
const NUMBERS_PER_CLIENT = 1_000;

export class ScenarioClient {
  readonly name: string;
  readonly number: number;
  readonly key: Uint8Array;
  /** The newest, and by the server that it came from. */
  ticket: Uint8Array = new Uint8Array(0);
  readonly tickets = new Map<string, Uint8Array>();
  /** In the line: the newest place that it was given, and by the server that it came from. */
  place: Uint8Array | null = null;
  readonly places = new Map<string, Uint8Array>();
  /** The fence that it was told last. */
  fence: number | null = null;
  /** When it sent what is not answered yet, by sequence number. */
  readonly #sentAt = new Map<number, number>();
  #sequence = 0;
  #count = 0;
  #until = Number.NEGATIVE_INFINITY;

  constructor(name: string, number: number) {
    this.name = name;
    this.number = number;
    this.key = new Uint8Array(16);
    new DataView(this.key.buffer).setUint32(0, number);
  }

  static numberIn(sequence: number): number {
    return Math.floor(sequence / NUMBERS_PER_CLIENT);
  }

  get id(): string {
    return idTextOfKey(this.key);
  }

  get publicId(): string {
    return Buffer.from(keyId(this.key)).toString('base64url');
  }

  /** Its connection to the server whose name begins with that letter. */
  at(server: string): Client {
    return {
      number: this.number * 100 + server.charCodeAt(0),
      instance: this.name.padStart(16, '.'),
      user: this.name,
      host: 'h',
      pid: this.number,
      address: '127.0.0.1',
    };
  }

  /** The number of a message that it sends now; its answer counts from now. */
  sends(now: number): number {
    this.#sequence += 1;
    const sequence = this.number * NUMBERS_PER_CLIENT + this.#sequence;
    this.#sentAt.set(sequence, now);
    return sequence;
  }

  /** It releases its seat: from now on nobody believes in it, whatever is still answered. */
  givesUp(): void {
    this.#sentAt.clear();
    this.#until = Number.NEGATIVE_INFINITY;
  }

  learns(server: string, message: CoreMessage): void {
    const sentAt = this.#sentAt.get(message[1]);
    if (message[0] === fenced) this.fence = message[2];
    if (message[0] === waiting && message[5] !== undefined) {
      this.place = message[5];
      this.places.set(server, message[5]);
    }
    if (message[0] !== grant && message[0] !== alive) return;
    this.ticket = Uint8Array.from(message[2]);
    this.tickets.set(server, this.ticket);
    if (sentAt === undefined) return;
    if (message[0] === grant) this.#count = message[7];
    this.#until = Math.max(this.#until, sentAt + message[3]);
  }

  /** Seats that it may believe to hold. */
  believedAt(now: number): number {
    return now < this.#until ? this.#count : 0;
  }
}
