/**
 * Clients that ask for seats and give them back as fast as they are answered, several things at
 * once on each connection, and book what they are told. They end with their server.
 */
import { MessageType } from '../../src/net/protocol.ts';
import type { Random } from './random.ts';
import { type Message, NO_TICKET, newKey, RawClient, wish } from './raw-client.ts';
import type { BookedSeat, SeatBook } from './seat-book.ts';

const { grant, waiting, denied, released, request, release } = MessageType;

/** What one connection has under way at once, and how many seats it likes to hold. */
const DEPTH = 6;
const SEATS_LIKED = 12;
const PATIENCE_MS = 60_000;
const WAITERS_MAX = 4;

export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly applications: readonly string[];
  readonly book: SeatBook;
  readonly random: Random;
  /** Called for every answer. */
  readonly onAnswer: () => void;
}

/** Resolves once every connection is greeted and busy. */
export async function startLoad(options: LoadOptions): Promise<LoadClient[]> {
  const held = options.book.in('held');
  const clients = await Promise.all(
    Array.from({ length: options.connections }, (_, i) => {
      const own = held.filter((_seat, at) => at % options.connections === i);
      return LoadClient.start(options, own);
    }),
  );
  for (const client of clients) client.begin();
  return clients;
}

export class LoadClient {
  readonly #options: LoadOptions;
  readonly #held: BookedSeat[];
  readonly #asking = new Map<number, BookedSeat>();
  /** Numbers of requests that have a place in a line. */
  readonly #waiting = new Set<number>();
  #client: RawClient | null = null;
  #sequence = 1_000;

  private constructor(options: LoadOptions, held: BookedSeat[]) {
    this.#options = options;
    this.#held = held;
  }

  static async start(options: LoadOptions, held: BookedSeat[]): Promise<LoadClient> {
    const load = new LoadClient(options, held);
    const onMessage = (message: Message) => load.#take(message);
    load.#client = await RawClient.greet(options.port, { onMessage });
    return load;
  }

  begin(): void {
    for (let i = 0; i < DEPTH; i++) this.#act();
  }

  get closed(): boolean {
    return this.#client?.closed !== false;
  }

  /** Asks for a seat, or gives one back: the more it holds, the likelier. */
  #act(): void {
    const { random, book, applications } = this.#options;
    this.#sequence++;
    if (random.chance(this.#held.length / SEATS_LIKED)) {
      const [seat] = this.#held.splice(random.below(this.#held.length), 1);
      if (seat === undefined) return;
      seat.state = 'releasing';
      this.#asking.set(this.#sequence, seat);
      this.#client?.send([release, this.#sequence, seat.key, NO_TICKET]);
      return;
    }
    const application = random.pick(applications);
    const count = 1 + random.below(3);
    const seat = book.add(newKey(), application, count);
    this.#asking.set(this.#sequence, seat);
    const patient = this.#waiting.size < WAITERS_MAX && random.chance(0.2);
    const patienceMs = patient ? PATIENCE_MS : 0;
    this.#client?.send([
      request,
      this.#sequence,
      ...wish(seat.key, application, count, patienceMs),
    ]);
  }

  /** True for what was an answer to this load. */
  #take(message: Message): boolean {
    const [type] = message;
    const sequence = Number(message[1]);
    const seat = this.#asking.get(sequence);
    if (seat === undefined) return false;
    if (type === waiting) {
      // A place in the line is no answer yet; meanwhile something else is asked.
      if (this.#waiting.has(sequence)) return true;
      this.#waiting.add(sequence);
    } else {
      this.#asking.delete(sequence);
      this.#book(seat, message);
      this.#options.onAnswer();
      if (this.#waiting.delete(sequence)) return true;
    }
    this.#act();
    return true;
  }

  #book(seat: BookedSeat, [type, , second]: Message): void {
    const { book } = this.#options;
    if (type === grant) {
      seat.state = 'held';
      this.#held.push(seat);
    } else if (type === denied || type === released) {
      seat.state = 'free';
      if (type === released && second !== true) book.problems.push(`${seat.id} was not there`);
    } else {
      book.problems.push(`${seat.id} got an answer of type ${type}`);
    }
  }
}
