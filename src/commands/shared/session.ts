/**
 * The conversation of `lm session` (docs/SESSION.md): each request is answered under its id, in
 * whatever order answers come, and events tell of what nobody asked for.
 */
import { LmError } from '../../engine/errors.ts';
import type { OfflineSeat } from '../../net/client/commuter/offline-seat.ts';
import type { LicenseClient } from '../../net/client/license-client.ts';
import type { RequestOptions } from '../../net/client/request-options.ts';
import type { Seat } from '../../net/client/seat.ts';
import { commutedIn } from './commuted-seats.ts';
import { seatDocument } from './seat-document.ts';
import { readSessionMessage, type SessionMessage } from './session-message.ts';

/** Seats and unanswered requests of one session. */
const SESSION_SEATS_MAX = 10_000;

type Fields = Readonly<Record<string, unknown>>;

type AnySeat = Seat | OfflineSeat;

type Waiting = Required<Pick<RequestOptions, 'signal' | 'onWaiting'>>;

/** The program itself called it off. */
class Cancelled extends Error {}

export class Session {
  readonly #client: LicenseClient;
  readonly #say: (line: Fields) => void;
  /** By the name that the program knows a seat by: its first id. */
  readonly #seats = new Map<string, AnySeat>();
  readonly #asking = new Map<unknown, AbortController>();

  constructor(client: LicenseClient, say: (line: Fields) => void) {
    this.#client = client;
    this.#say = say;
  }

  /** One line from the program. Whatever is wrong with it is answered, and the session goes on. */
  async take(line: string): Promise<void> {
    let id: unknown = null;
    try {
      const { message, id: given, problem } = readSessionMessage(line);
      id = given;
      if (message === null) throw new LmError('usage', problem, SEE);
      const answer = await this.#do(message);
      this.#say({ id, ok: true, ...answer });
    } catch (error) {
      this.#say({ id, ok: false, error: errorFields(error) });
    }
  }

  refuse(problem: string): void {
    this.#say({ id: null, ok: false, error: errorFields(new LmError('usage', problem, SEE)) });
  }

  /** End of input: nothing is asked for any more; the client's `close` gives back what is held. */
  end(): void {
    const reason = new Cancelled('The session ended while the request waited.');
    for (const abort of this.#asking.values()) abort.abort(reason);
    // Others may wait until nobody uses a commuted seat.
    for (const seat of this.#seats.values()) if (!('key' in seat)) void seat.release();
  }

  #do(message: SessionMessage): Promise<Fields> {
    switch (message.op) {
      case 'request':
        return this.#request(message);
      case 'commute-out':
        return this.#checkOut(message);
      case 'commute-in':
        return this.#checkIn(message.file);
      case 'commute-open':
        return this.#openCommuter(message.file);
      case 'commute-list':
        return this.#listCommuted();
      case 'cancel':
        return Promise.resolve(this.#cancel(message.request));
      case 'release':
        return this.#release(message.seat);
      case 'status':
        return this.#status(message);
    }
  }

  async #request({ id, ...options }: SessionMessage & { op: 'request' }): Promise<Fields> {
    this.#refuseMore();
    return await this.#waiting(id, async (waiting) => {
      return this.#keep(await this.#client.request({ ...options, ...waiting }));
    });
  }

  async #checkOut({ id, ...options }: SessionMessage & { op: 'commute-out' }): Promise<Fields> {
    return await this.#waiting(id, async (waiting) => {
      const out = await this.#client.commuteOut({ ...options, ...waiting });
      const { application, version, vendor, count, server, end, file, verified } = out;
      const about = { authorization: out.id, application, version, vendor, count, server };
      return { ...about, expiresAt: new Date(end).toISOString(), file, verified };
    });
  }

  async #checkIn(file: string): Promise<Fields> {
    const { id: authorization, application, released, count } = await this.#client.commuteIn(file);
    return { authorization, application, released, count };
  }

  async #openCommuter(file: string): Promise<Fields> {
    this.#refuseMore();
    return this.#keep(await this.#client.openCommuter(file));
  }

  async #listCommuted(): Promise<Fields> {
    const pools = (await this.#client.status()).map((result) => {
      if (result instanceof LmError) return { error: errorFields(result) };
      return { pool: result['pool'], commuted: commutedIn(result) };
    });
    return { pools };
  }

  /** What may take its time, and be cancelled by its id. */
  async #waiting(id: unknown, ask: (options: Waiting) => Promise<Fields>): Promise<Fields> {
    if (this.#asking.has(id)) {
      throw new LmError('usage', 'A request of this id is under way already.', SEE);
    }
    const abort = new AbortController();
    this.#asking.set(id, abort);
    try {
      const onWaiting: Waiting['onWaiting'] = (news) => {
        const what = 'place' in news ? news.place : { obstacle: errorFields(news.obstacle) };
        this.#say({ event: 'waiting', id, ...what });
      };
      return await ask({ signal: abort.signal, onWaiting });
    } finally {
      this.#asking.delete(id);
    }
  }

  #refuseMore(): void {
    if (this.#seats.size + this.#asking.size < SESSION_SEATS_MAX) return;
    throw new LmError('usage', `A session holds at most ${SESSION_SEATS_MAX} seats.`, SEE);
  }

  #keep(seat: AnySeat): Fields {
    // A commuted seat may be opened more than once.
    const name = this.#seats.has(seat.id) ? `${seat.id}/${this.#seats.size}` : seat.id;
    this.#seats.set(name, seat);
    seat.on('lost', (reason) => {
      this.#say({ event: 'lost', seat: name, reason: errorFields(reason) });
    });
    seat.on('denied', (reason) => {
      this.#say({ event: 'denied', seat: name, reason: errorFields(reason) });
    });
    seat.on('regained', () => this.#say({ event: 'regained', ...seatFields(name, seat) }));
    return seatFields(name, seat);
  }

  #cancel(request: unknown): Fields {
    const abort = this.#asking.get(request);
    abort?.abort(new Cancelled('The request was cancelled.'));
    return { cancelled: abort !== undefined };
  }

  async #release(name: string): Promise<Fields> {
    const seat = this.#seats.get(name);
    this.#seats.delete(name);
    return { released: seat === undefined ? false : await seat.release() };
  }

  async #status({ seat: name, pool }: SessionMessage & { op: 'status' }): Promise<Fields> {
    const wanted = [...this.#seats].filter(([one]) => name === null || one === name);
    const seats = wanted.map(([one, seat]) => seatFields(one, seat));
    if (!pool) return { seats };
    const results = await this.#client.status();
    const pools = results.map((result) =>
      result instanceof LmError ? { error: errorFields(result) } : result,
    );
    return { seats, pools };
  }
}

/** `id` is the number of a request here, so the seat's public id is called `authorization`. */
function seatFields(name: string, seat: AnySeat): Fields {
  const { id: authorization, ...document } = seatDocument(seat);
  return { seat: name, authorization, valid: seat.valid, ...document };
}

/** As on the wire and in `--json`: code, message, hint, and the numbers. */
function errorFields(error: unknown): Fields {
  if (error instanceof Cancelled) return { code: 'cancelled', message: error.message, hint: '' };
  if (!(error instanceof LmError)) throw error;
  const { code, message, hint, details } = error;
  return { code, message, hint, ...details };
}

const SEE = 'See docs/SESSION.md for what a line may say.';
