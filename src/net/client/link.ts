/**
 * The way to one pool: which of its servers is spoken to now. Whoever keeps a seat subscribes; the
 * link then redials, with back-off and jitter, until a server answers, and tells each new
 * connection. A fail-over to another server happens here and nowhere else.
 */
import { LmError } from '../../engine/errors.ts';
import { Backoff } from './backoff.ts';
import { type Connection, closedHere } from './connection.ts';
import { dial, type Introduction } from './dial.ts';
import { BACKOFF_MS_MAX, BACKOFF_MS_MIN, DIAL_MS_MAX, REDIAL_SPREAD_MS } from './limits.ts';
import { type Opened, race } from './race.ts';
import { Releaser } from './releaser.ts';
import type { Cancel, Scheduler } from './scheduler.ts';
import { addressOf, ServerList } from './server-list.ts';
import type { PoolTrust, Target } from './trust.ts';
import { Behind, type Verifier } from './verifier.ts';
import { Visits } from './visits.ts';

export interface LinkOptions {
  readonly trust: PoolTrust;
  readonly verifier: Verifier;
  readonly introduction: Introduction;
  readonly scheduler: Scheduler;
  /** 0 up to 1, for jitter. */
  readonly random: () => number;
}

/**
 * Why there is a new connection: the server before it was lost, or is being left for another one
 * while it lives.
 */
export type Occasion = 'lost' | 'moved';

export type LinkListener = (connection: Connection, occasion: Occasion) => void;

export class PoolLink {
  readonly trust: PoolTrust;
  readonly servers: ServerList;
  readonly releaser: Releaser;
  readonly #options: LinkOptions;
  readonly #visits: Visits;
  readonly #backoff: Backoff;
  readonly #listeners = new Set<LinkListener>();
  #current: Opened | null = null;
  /** Left for another server, and still owed answers. */
  readonly #draining = new Set<Connection>();
  #round: { readonly promise: Promise<Opened>; readonly abort: AbortController } | null = null;
  #occasion: Occasion = 'lost';
  #redial: Cancel | null = null;
  #keepsAlive = false;
  #closed = false;

  constructor(options: LinkOptions) {
    const { trust, scheduler, random } = options;
    this.#options = options;
    this.trust = trust;
    this.servers = new ServerList(trust);
    this.releaser = new Releaser(this, { scheduler, random });
    const open = (target: Target, signal: AbortSignal) => this.#open(target, signal);
    this.#visits = new Visits({ open, scheduler });
    this.#backoff = new Backoff({ firstMs: BACKOFF_MS_MIN, maxMs: BACKOFF_MS_MAX, random });
  }

  get current(): Connection | null {
    return this.#current?.connection ?? null;
  }

  /** The vendor whose key was checked on the current connection, or null. */
  get vendor(): string | null {
    return this.#current?.vendor ?? null;
  }

  /** The live connection, or one round over all servers. Throws why none could be had. */
  async connect(): Promise<Connection> {
    return (await this.opened()).connection;
  }

  /** As `connect`, with the vendor that was checked. */
  opened(): Promise<Opened> {
    if (this.#closed) return Promise.reject(closedHere());
    if (this.#current !== null) return Promise.resolve(this.#current);
    if (this.#round !== null) return this.#round.promise;
    this.#redial?.();
    this.#redial = null;
    const abort = new AbortController();
    const promise = this.#dialRound(abort.signal).finally(() => {
      this.#round = null;
      if (this.#current !== null) return;
      this.#occasion = 'lost';
      if (this.#listeners.size > 0) this.#scheduleRedial(this.nextPauseMs());
    });
    this.#round = { promise, abort };
    return promise;
  }

  /** Speaks to one certain server, by the side of the current one. Throws why it can't be had. */
  async at<T>(
    target: Target,
    use: (opened: Opened) => Promise<T>,
    openMsMax = DIAL_MS_MAX,
  ): Promise<T> {
    if (this.#closed) throw closedHere();
    const current = this.#current;
    if (current?.connection.address === addressOf(target)) return await use(current);
    return await this.#visits.at(target, use, openMsMax);
  }

  /** From here on this server is the one that is spoken to: it was found to be good. */
  settle(opened: Opened): void {
    if (this.current === opened.connection || opened.connection.closed || this.#closed) return;
    this.#visits.take(opened);
    this.#leave();
    this.#adopt(opened);
  }

  /**
   * Leaves a server that can't serve now for the one behind it in the list, and connects to that.
   * Answers that are under way still arrive. False, and nothing done, where there is no other
   * server, or where `from` was left already.
   */
  moveOn(from: Connection): boolean {
    const next = this.servers.after(from.address);
    if (next === null || this.current !== from) return false;
    this.servers.prefer(next);
    this.#leave();
    // A failed round schedules the next one.
    this.opened().catch(() => undefined);
    return true;
  }

  /** Keeps the link up until unsubscribed. The listener hears of each new connection. */
  subscribe(listener: LinkListener): () => void {
    this.#listeners.add(listener);
    if (this.#current === null) this.#scheduleRedial(this.nextPauseMs());
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#redial?.();
      this.#redial = null;
    };
  }

  /** How long to wait before the next round: doubles from round to round, with jitter. */
  nextPauseMs(): number {
    return this.#backoff.next();
  }

  keepAlive(keepsAlive: boolean): void {
    this.#keepsAlive = keepsAlive;
    this.#visits.keepAlive(keepsAlive);
    this.current?.keepAlive(keepsAlive);
    for (const connection of this.#draining) connection.keepAlive(keepsAlive);
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    this.releaser.abandon();
    this.#redial?.();
    this.#round?.abort.abort(closedHere());
    this.#visits.close();
    for (const connection of [...this.#draining]) connection.close(closedHere());
    this.current?.close(closedHere());
  }

  async #dialRound(signal: AbortSignal): Promise<Opened> {
    const opened = await race({
      targets: this.servers.order(),
      open: (target, racing) => this.#open(target, racing),
      failure: (failures) => asOne(failures, this.trust),
      scheduler: this.#options.scheduler,
      signal,
    });
    if (this.#current === null) {
      this.#adopt(opened);
      return opened;
    }
    // Meanwhile another server was settled on.
    opened.connection.close(closedHere());
    return this.#current;
  }

  async #open({ address }: Target, signal: AbortSignal): Promise<Opened> {
    const { introduction, scheduler, verifier } = this.#options;
    const connection = await dial(address, {
      introduction,
      scheduler,
      signal,
      pool: this.trust.pool,
      refuses: (fingerprint, where) => this.servers.refusal(fingerprint, where),
    });
    const onAbort = () => connection.close(closedHere());
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return { connection, vendor: await verifier.check(connection) };
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #adopt(opened: Opened): void {
    const { connection } = opened;
    const occasion = this.#occasion;
    this.#occasion = 'lost';
    this.#redial?.();
    this.#redial = null;
    this.#current = opened;
    this.servers.prefer(connection.address);
    this.servers.learn(connection);
    connection.keepAlive(this.#keepsAlive);
    connection.onClose(() => this.#lost(connection));
    connection.onOutdated(() => void this.#refresh(opened));
    for (const listener of [...this.#listeners]) listener(connection, occasion);
  }

  /**
   * A newer RLF is in force: it may name other servers. The server is greeted anew, so that its
   * list is checked as every list is. Where that fails, the next connection will do.
   */
  async #refresh({ connection }: Opened): Promise<void> {
    const all = this.servers.targets;
    const target = all.find((one) => addressOf(one) === connection.address);
    if (target === undefined || this.#closed) return;
    const abort = new AbortController();
    const ended = connection.onClose(() => abort.abort(closedHere()));
    try {
      const opened = await this.#open(target, abort.signal);
      if (this.current === connection) this.settle(opened);
      else opened.connection.close(closedHere());
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
    } finally {
      ended();
    }
  }

  /** Lets go of the current server, which goes on owing its answers. */
  #leave(): void {
    const left = this.current;
    if (left === null) return;
    this.#current = null;
    this.#occasion = 'moved';
    this.#draining.add(left);
    left.onClose(() => this.#draining.delete(left));
    left.drain();
  }

  #lost(connection: Connection): void {
    if (this.current !== connection) return;
    this.#current = null;
    this.#occasion = 'lost';
    if (connection.hung) {
      this.servers.prefer(this.servers.after(connection.address) ?? connection.address);
    }
    if (connection.served) this.#backoff.reset();
    if (this.#listeners.size === 0) return;
    // A server that takes connections and drops them at once must not be hammered.
    const soonMs = this.#options.random() * REDIAL_SPREAD_MS;
    this.#scheduleRedial(connection.served ? soonMs : this.nextPauseMs());
  }

  #scheduleRedial(pauseMs: number): void {
    if (this.#redial !== null || this.#round !== null || this.#closed) return;
    this.#redial = this.#options.scheduler.after(pauseMs, () => {
      this.#redial = null;
      // A failed round schedules the next one; its error is told to whoever calls `connect`.
      this.opened().catch(() => undefined);
    });
  }
}

/**
 * One error for a round in which no server could be had: the gravest, with all in its details. That
 * servers are behind counts only where all are: one that could not be had may have the newer RLF.
 */
function asOne(failures: readonly LmError[], { source }: PoolTrust): LmError {
  const away = failures.find(({ code }) => code === 'unreachable');
  const isGrave = (error: LmError) => error.code !== 'unreachable' && !(error instanceof Behind);
  const grave = failures.find(isGrave) ?? away ?? failures[0];
  if (grave === undefined) {
    return new LmError('config', `${source} names no server.`, 'Get the pool card anew.');
  }
  if (failures.length === 1 || grave.code !== 'unreachable') return grave;
  const servers = failures.map(({ message }) => message);
  const message = `No server of the pool can be reached: ${servers.join(' ')}`;
  return new LmError('unreachable', message, grave.hint, { servers });
}
