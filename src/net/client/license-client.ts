/**
 * The client of license pools: asks for seats, keeps them alive through lost connections and lost
 * servers, and gives them back. One instance serves a whole application.
 */
import { randomBytes } from 'node:crypto';
import { type ErrorDetails, LmError } from '../../engine/errors.ts';
import { KEY_BYTES } from '../../engine/seat-key.ts';
import type { RlfTaken } from '../protocol.ts';
import { type ServerNow, type SignedAct, sendAct, withServer } from './act.ts';
import { ask } from './ask.ts';
import type { Answer } from './ask-pool.ts';
import { type BootClock, bootClock } from './boot-clock.ts';
import type { CheckedIn } from './commuter/check-in.ts';
import type { CheckedOut } from './commuter/check-out.ts';
import type { OfflineSeat } from './commuter/offline-seat.ts';
import type { Connection } from './connection.ts';
import type { Introduction } from './dial.ts';
import { type Holder, holderFields } from './holder.ts';
import { Keeper } from './keeper.ts';
import { FENCING_MS_MAX, RELEASE_MS_MAX } from './limits.ts';
import { PoolLink } from './link.ts';
import { linkedSignal } from './linked-signal.ts';
import { machineName } from './machine.ts';
import { Memory } from './memory.ts';
import { type StatusOptions, statusOf } from './pool-status.ts';
import { proveSeat } from './prove.ts';
import { pushRlf } from './push.ts';
import type { Returned } from './releaser.ts';
import { renewSeat } from './renew.ts';
import { type CommuteOptions, type RequestOptions, refuseDays, wishOf } from './request-options.ts';
import { Scheduler } from './scheduler.ts';
import { Seat } from './seat.ts';
import { INSTANCE_BYTES, readSeatText, seatText } from './seat-text.ts';
import type { StatusDocument } from './status.ts';
import { type Environment, resolveTrust, resolveVendorKey, type TrustOptions } from './trust.ts';
import { Verifier } from './verifier.ts';
import type { Granted, Wish } from './waiter.ts';
import { type WhyDocument, type WhyOptions, whyOf } from './why.ts';

export interface ClientOptions extends TrustOptions {
  /** Who holds the seats, as `lm status` shows it. Default: this process. */
  readonly holder?: Partial<Holder> | undefined;
  /** Program and version, for the servers' logs. */
  readonly agent?: string | undefined;
  /** 16 bytes that name the holder of the keys. Default: random. */
  readonly instance?: Uint8Array | undefined;
  /** Where LM_POOL and its like are read. Default: the process's environment. */
  readonly env?: Environment | undefined;
  /** Milliseconds that count suspend. Default: the machine's boot-time clock. */
  readonly clock?: BootClock | undefined;
  /** How often the clock is looked at. Default: every second. */
  readonly tickMs?: number | undefined;
}

/** A seat that another process renewed: `key` replaces the text it was given. */
export interface RenewedSeat {
  readonly key: string;
  readonly seat: ReturnType<typeof readSeatText>;
  readonly lifetimeMs: number;
  readonly expiresAt: Date;
  /** Whether the chain from the vendor's key to this server was checked. */
  readonly verified: boolean;
}

export class LicenseClient {
  readonly #options: ClientOptions;
  readonly #env: Environment;
  readonly #scheduler: Scheduler;
  readonly #introduction: Introduction;
  readonly #seats = new Set<Keeper>();
  readonly #closing = new AbortController();
  #links: PoolLink[] | null = null;
  #busy = 0;

  /** Reads nothing yet: wrong options and cards are reported by the first call that needs them. */
  constructor(options: ClientOptions = {}) {
    this.#options = options;
    this.#env = options.env ?? process.env;
    this.#scheduler = new Scheduler(options.clock ?? bootClock(), options.tickMs);
    this.#introduction = {
      agent: options.agent ?? 'lm-client',
      instance: options.instance ?? randomBytes(INSTANCE_BYTES),
      holder: holderFields(options.holder),
    };
  }

  /**
   * Asks for seats, all or none.
   *
   * @throws LmError a denial (`all-in-use`, `unknown-application`, …), `timeout` with the last
   * reason in its details, `unreachable`, `untrusted`, `config`; or the signal's reason.
   */
  async request(options: RequestOptions): Promise<Seat> {
    const wish = wishOf(options);
    const { waitMs = 0, onWaiting = () => undefined } = options;
    const { signal, unlink } = linkedSignal(this.#closing.signal, options.signal);
    const asking = { waitMs, onWaiting, signal, scheduler: this.#scheduler };
    return await this.#keepingAlive(async () => {
      const key = randomBytes(KEY_BYTES);
      const answer = await ask(this.#open(), wish, { ...asking, key });
      const verified = await this.#verify(answer, signal);
      return this.#keep(answer.link, { wish, granted: answer.granted, verified });
    }).finally(unlink);
  }

  /**
   * Gives back a seat that another process asked for. @throws LmError `bad-data`, `unreachable`.
   */
  async release(key: string): Promise<Returned> {
    const seat = readSeatText(key);
    return await this.#keepingAlive(async () => {
      const link = this.#linkOf(seat.pool, seat.server);
      const connected = link.connect();
      // Whatever `give` waits for, a pool that can't be had is told as what it is.
      const returned = await connected.then(() => link.releaser.give(seat, FENCING_MS_MAX));
      if (returned !== null) return returned;
      throw new LmError('unreachable', 'No server took the seat back.', 'It ends by its lifetime.');
    });
  }

  /**
   * Takes over a seat that another process asked for, one on hold above all (`lm request --hold`):
   * from now on it is kept alive here. The client has to be opened as the seat's instance.
   *
   * @throws LmError `lost` where it has ended, `config`, `unreachable`.
   */
  async take(key: string): Promise<Seat> {
    const held = readSeatText(key);
    return await this.#keepingAlive(async () => {
      const link = this.#linkOf(held.pool, held.server);
      const pacing = { scheduler: this.#scheduler, random: Math.random, takes: true };
      const { ticket, lifetimeMs, sentAt } = await renewSeat(link, held, pacing);
      const { vendor, application, version, count, pool } = held;
      const server = link.current?.server ?? held.server;
      const of = { vendor, application, version, count, pool, server };
      const granted = { key: held.key, ticket, lifetimeMs, sentAt, ...of };
      const verified = link.vendor !== null && link.vendor === vendor;
      const wish = { vendor, application, version, count, holdMs: 0 };
      return this.#keep(link, { wish, granted, verified });
    });
  }

  /** Renews a seat that another process asked for. @throws LmError `lost` where it has ended. */
  async renew(key: string): Promise<RenewedSeat> {
    const seat = readSeatText(key);
    return await this.#keepingAlive(async () => {
      const link = this.#linkOf(seat.pool, seat.server);
      const pacing = { scheduler: this.#scheduler, random: Math.random };
      const { ticket, lifetimeMs, sentAt, claimedBy } = await renewSeat(link, seat, pacing);
      const machine = machineName();
      const until = sentAt + lifetimeMs;
      const left = until - this.#scheduler.clock();
      const runs = machine === null ? undefined : { machine, until };
      const renewed = { ...seat, ticket, server: claimedBy ?? seat.server, runs };
      const expiresAt = new Date(Date.now() + left);
      const verified = link.vendor !== null && link.vendor === seat.vendor;
      return { key: seatText(renewed), seat: renewed, lifetimeMs, expiresAt, verified };
    });
  }

  /**
   * Checks a seat out to a file: it is used without the pool, on this machine, until its end. The
   * same again finishes a check-out that was not finished.
   *
   * @throws LmError as `request`; `denied-by-policy` where the license does not let it leave.
   */
  async commuteOut(options: CommuteOptions): Promise<CheckedOut> {
    const wish = wishOf(options);
    const { waitMs = 0, onWaiting = () => undefined, file, days } = options;
    refuseDays(days);
    const { signal, unlink } = linkedSignal(this.#closing.signal, options.signal);
    const asking = { waitMs, onWaiting, signal, scheduler: this.#scheduler };
    return await this.#keepingAlive(async () => {
      const vendorKey = resolveVendorKey(this.#options, this.#env);
      // Loaded only here, with the reader of RLFs.
      const { checkOut } = await import('./commuter/check-out.ts');
      return await checkOut({ ...asking, links: this.#open(), file, wish, days, vendorKey });
    }).finally(unlink);
  }

  /**
   * Gives a seat back that was checked out to a file, once nobody runs on it any more.
   *
   * @throws LmError `unreachable`, `busy`: the file is disabled, and the same again goes on.
   */
  async commuteIn(file: string): Promise<CheckedIn> {
    return await this.#keepingAlive(async () => {
      const { checkIn } = await import('./commuter/check-in.ts');
      return await checkIn(file, { links: this.#open(), scheduler: this.#scheduler });
    });
  }

  /**
   * A seat to run on that was checked out to a file; no server is asked.
   *
   * @throws LmError `expired`, `not-authorized`, `bad-data`, `untrusted`, `config`.
   */
  async openCommuter(file: string): Promise<OfflineSeat> {
    const { openSeat } = await import('./commuter/open.ts');
    return openSeat(file, { ...this.#options, env: this.#env });
  }

  /** The status of each pool, in order, or why it could not be had. Throws only `config`. */
  async status(options: StatusOptions = {}): Promise<(StatusDocument | LmError)[]> {
    return await this.#ofEachPool((link) => statusOf(link, options));
  }

  /**
   * Whether these seats could be had from each pool now, by which rule, and who holds what there
   * is, in order; or why that could not be asked. Throws only `usage` and `config`.
   */
  async why(options: WhyOptions): Promise<(WhyDocument | LmError)[]> {
    const { days = null } = options;
    if (days !== null) refuseDays(days);
    const question = { ...wishOf(options), days };
    return await this.#ofEachPool((link) => whyOf(link, question));
  }

  /**
   * What the document of an administrative act has to name: the server given, or the one that is
   * connected. @throws LmError `usage` where there is no such server, or no single pool.
   */
  async serverNow(server?: string): Promise<ServerNow> {
    return await this.#atServer(server, async ({ pool, epoch, server: name }) => {
      return { pool, epoch, server: name };
    });
  }

  /**
   * Has the server that the document names carry out an administrative act; returns its details.
   *
   * @throws LmError why it refuses; `unreachable`: it may have been carried out.
   */
  async act(server: string, act: SignedAct): Promise<ErrorDetails> {
    return await this.#atServer(server, (connection) => sendAct(connection, act));
  }

  /** The text of the RLF in force, from the server that is connected. Whoever reads verifies it. */
  async rlfText(): Promise<string> {
    return await this.#atServer(undefined, (connection) => connection.rlfText());
  }

  /**
   * Pushes an RLF to the server that is connected, or has it judged only (`isTrial`).
   *
   * @throws LmError why it refuses the RLF; `unreachable`: it may have been taken.
   */
  async push(text: string, isTrial = false): Promise<RlfTaken> {
    return await this.#atServer(undefined, (connection) => pushRlf(connection, text, isTrial));
  }

  /** Gives back all seats, waiting at most two seconds for it, and closes the connections. */
  async close(): Promise<void> {
    this.#closing.abort(new LmError('unreachable', 'The client was closed.', ''));
    await this.#keepingAlive(async () => {
      await Promise.all([...this.#seats].map((keeper) => keeper.release(RELEASE_MS_MAX)));
      const links = this.#links ?? [];
      await Promise.all(links.map((link) => link.releaser.settle(RELEASE_MS_MAX)));
      for (const link of links) link.close();
    });
    this.#seats.clear();
  }

  /** `await using` closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #keep(
    link: PoolLink,
    { wish, granted, verified }: { wish: Wish; granted: Granted; verified: boolean },
  ): Seat {
    const keeper: Keeper = new Keeper({
      link,
      wish: { ...wish, vendor: granted.vendor },
      granted,
      scheduler: this.#scheduler,
      random: Math.random,
      newKey: () => randomBytes(KEY_BYTES),
      events: {
        lost: (reason) => seat.emit('lost', reason),
        regained: () => seat.emit('regained'),
        denied: (reason) => seat.emit('denied', reason),
        ended: () => this.#seats.delete(keeper),
      },
    });
    this.#seats.add(keeper);
    const { instance } = this.#introduction;
    const seat: Seat = new Seat({
      keeper,
      instance,
      verified,
      clock: this.#scheduler.clock,
      keepingAlive: (work) => this.#keepingAlive(work),
    });
    return seat;
  }

  /** With a vendor key: the chain was checked on connecting, and now the server proves the seat. */
  async #verify({ link, opened, granted }: Answer, signal: AbortSignal): Promise<boolean> {
    const { connection, vendor } = opened;
    if (vendor === null) return false;
    try {
      if (granted.vendor !== vendor) throw wrongVendor(granted.vendor, vendor);
      await proveSeat(connection.closed ? await link.connect() : connection, granted);
      signal.throwIfAborted();
      return true;
    } catch (error) {
      void link.releaser.give(granted, 0);
      throw error;
    }
  }

  #open(): PoolLink[] {
    if (this.#closing.signal.aborted) throw this.#closing.signal.reason;
    if (this.#links !== null) return this.#links;
    const vendorKey = resolveVendorKey(this.#options, this.#env);
    const memory = new Memory(this.#env);
    this.#links = resolveTrust(this.#options, this.#env).map((trust) => {
      const link = new PoolLink({
        trust,
        verifier: new Verifier(trust, vendorKey, memory),
        introduction: this.#introduction,
        scheduler: this.#scheduler,
        random: Math.random,
      });
      link.keepAlive(this.#busy > 0);
      return link;
    });
    return this.#links;
  }

  #linkOf(pool: string, server: string): PoolLink {
    const links = this.#open();
    const link = links.find(({ trust }) => trust.pool === pool) ?? links[0];
    if (link === undefined || (link.trust.pool ?? pool) !== pool) {
      const message = `The seat is of pool ${pool}, and no card of that pool is here.`;
      throw new LmError('config', message, 'Name the card with --pool or LM_POOL.');
    }
    link.servers.suggest(server);
    return link;
  }

  async #ofEachPool<T>(ask: (link: PoolLink) => Promise<T>): Promise<(T | LmError)[]> {
    return await this.#keepingAlive(async () => {
      const asked = this.#open().map(async (link) => {
        try {
          return await ask(link);
        } catch (error) {
          if (error instanceof LmError) return error;
          throw error;
        }
      });
      return await Promise.all(asked);
    });
  }

  async #atServer<T>(
    server: string | undefined,
    use: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    return await this.#keepingAlive(async () => {
      const [link, ...others] = this.#open();
      if (link !== undefined && others.length === 0) return await withServer(link, server, use);
      const hint = 'Name one card with --pool or LM_POOL.';
      throw new LmError('usage', 'An administrative act is for one pool.', hint);
    });
  }

  /** Only what is waited for keeps the process from ending: seats and redialling do not. */
  async #keepingAlive<T>(work: () => Promise<T>): Promise<T> {
    this.#setBusy(this.#busy + 1);
    try {
      return await work();
    } finally {
      this.#setBusy(this.#busy - 1);
    }
  }

  #setBusy(busy: number): void {
    this.#busy = busy;
    this.#scheduler.keepAlive(busy > 0);
    for (const link of this.#links ?? []) link.keepAlive(busy > 0);
  }
}

function wrongVendor(granted: string, vendor: string): LmError {
  const message = `The seat is of vendor ${granted}, not of ${vendor}, whose key was given.`;
  return new LmError('untrusted', message, 'Name the vendor in the request.');
}
