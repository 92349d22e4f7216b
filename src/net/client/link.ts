/**
 * The way to one pool: which of its servers is spoken to now. Whoever keeps a seat subscribes; the
 * link then redials, with back-off and jitter, until a server answers, and tells each new
 * connection. A fail-over to another server happens here and nowhere else.
 */
import { LmError } from '../../engine/errors.ts';
import { addressProblem, formatAddress, parseAddress } from '../../engine/license/address.ts';
import type { Connection } from './connection.ts';
import { dial, type Introduction } from './dial.ts';
import { BACKOFF_MS_MAX, BACKOFF_MS_MIN, DIAL_STAGGER_MS } from './limits.ts';
import { linkedSignal } from './linked-signal.ts';
import { Releaser } from './releaser.ts';
import type { Cancel, Scheduler } from './scheduler.ts';
import type { PoolTrust, Target } from './trust.ts';
import type { Verifier } from './verifier.ts';

export interface LinkOptions {
  readonly trust: PoolTrust;
  readonly verifier: Verifier;
  readonly introduction: Introduction;
  readonly scheduler: Scheduler;
  /** 0 up to 1, for jitter. */
  readonly random: () => number;
}

interface Opened {
  readonly connection: Connection;
  /** The vendor whose key was checked, or null. */
  readonly vendor: string | null;
}

export class PoolLink {
  readonly trust: PoolTrust;
  readonly releaser: Releaser;
  readonly #options: LinkOptions;
  readonly #listeners = new Set<(connection: Connection) => void>();
  #targets: readonly Target[];
  #pins: ReadonlySet<string>;
  /** HOST:PORT, dialled first: the last one that was good. */
  #preferred: string | null = null;
  #current: Connection | null = null;
  #vendor: string | null = null;
  #round: { readonly promise: Promise<Connection>; readonly abort: AbortController } | null = null;
  #backoffMs = 0;
  #redial: Cancel | null = null;
  #keepsAlive = false;
  #closed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.trust = options.trust;
    this.releaser = new Releaser(this, options.scheduler);
    this.#targets = options.trust.targets;
    this.#pins = new Set(options.trust.pins);
  }

  get current(): Connection | null {
    return this.#current;
  }

  /** The vendor whose key was checked on the current connection, or null. */
  get vendor(): string | null {
    return this.#vendor;
  }

  /** Names the server that is to be dialled first. */
  prefer(server: string): void {
    const target = this.#targets.find((one) => one.server === server);
    if (target !== undefined) this.#preferred ??= formatAddress(target.address);
  }

  /** The live connection, or one round over all servers. Throws why none could be had. */
  connect(): Promise<Connection> {
    if (this.#closed) return Promise.reject(closedLink());
    if (this.#current !== null) return Promise.resolve(this.#current);
    if (this.#round !== null) return this.#round.promise;
    this.#redial?.();
    this.#redial = null;
    const abort = new AbortController();
    const promise = this.#dialRound(abort.signal).finally(() => {
      this.#round = null;
    });
    this.#round = { promise, abort };
    return promise;
  }

  /**
   * Leaves a server that can't serve now for one whose address is not in `asked`; the next
   * `connect` dials that. False, and nothing done, where there is none, or where seats are kept
   * alive on this connection that are not to be moved along.
   */
  moveOn(asked: ReadonlySet<string>, seatsToo: boolean): boolean {
    const next = this.#targets.map(addressOf).find((address) => !asked.has(address));
    if (next === undefined || this.#current === null) return false;
    if (this.#listeners.size > 0 && !seatsToo) return false;
    const left = this.#current;
    this.#current = null;
    this.#preferred = next;
    left.close(closedLink());
    return true;
  }

  /** Keeps the link up until unsubscribed. The listener hears of each new connection. */
  subscribe(listener: (connection: Connection) => void): () => void {
    this.#listeners.add(listener);
    if (this.#current === null) this.#scheduleRedial();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#redial?.();
      this.#redial = null;
    };
  }

  /** How long to wait before the next round: doubles from round to round, with jitter. */
  nextPauseMs(): number {
    const grown = Math.max(BACKOFF_MS_MIN, this.#backoffMs * 2);
    this.#backoffMs = Math.min(BACKOFF_MS_MAX, grown);
    return this.#backoffMs * (0.5 + this.#options.random() / 2);
  }

  keepAlive(keepsAlive: boolean): void {
    this.#keepsAlive = keepsAlive;
    this.#current?.keepAlive(keepsAlive);
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    this.releaser.abandon();
    this.#redial?.();
    this.#round?.abort.abort(closedLink());
    this.#current?.close(closedLink());
  }

  async #dialRound(signal: AbortSignal): Promise<Connection> {
    try {
      const opened = await this.#race(signal);
      this.#adopt(opened);
      return opened.connection;
    } catch (error) {
      if (this.#listeners.size > 0) this.#scheduleRedial();
      throw error;
    }
  }

  /** In list order, each a little later than the one before; the first that answers is taken. */
  #race(outer: AbortSignal): Promise<Opened> {
    const { scheduler } = this.#options;
    const { signal, abort, unlink } = linkedSignal(outer);
    const queue = [...this.#order()];
    const failures: LmError[] = [];
    return new Promise((resolve, reject) => {
      let running = 0;
      let stagger: Cancel | null = null;
      const finish = (settle: () => void) => {
        stagger?.();
        settle();
        unlink();
        // The others that are still being dialled.
        abort(closedLink());
      };
      const next = () => {
        stagger?.();
        const target = queue.shift();
        if (target === undefined) {
          if (running === 0) finish(() => reject(asOne(failures, this.trust)));
          return;
        }
        running += 1;
        if (queue.length > 0) stagger = scheduler.after(DIAL_STAGGER_MS, next);
        this.#open(target, signal).then(
          (opened) => {
            if (signal.aborted) opened.connection.close(closedLink());
            else finish(() => resolve(opened));
          },
          (error) => {
            running -= 1;
            if (signal.aborted) return finish(() => reject(outer.reason));
            if (!(error instanceof LmError)) return finish(() => reject(error));
            failures.push(error);
            next();
          },
        );
      };
      next();
    });
  }

  async #open({ address }: Target, signal: AbortSignal): Promise<Opened> {
    const { introduction, scheduler, verifier } = this.#options;
    const connection = await dial(address, {
      introduction,
      scheduler,
      signal,
      pool: this.trust.pool,
      refuses: (fingerprint, where) => this.#refusal(fingerprint, where),
    });
    const onAbort = () => connection.close(closedLink());
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

  #refusal(fingerprint: string, address: string): LmError | null {
    if (this.#pins.size === 0 || this.#pins.has(fingerprint)) return null;
    return new LmError(
      'untrusted',
      `The server at ${address} shows the key ${fingerprint}, ` +
        `which ${this.trust.source} does not name.`,
      'Check the address; if the server was replaced, get the pool card anew.',
      { address, fingerprint },
    );
  }

  #adopt({ connection, vendor }: Opened): void {
    this.#current = connection;
    this.#vendor = vendor;
    this.#preferred = connection.address;
    this.#learn(connection);
    connection.keepAlive(this.#keepsAlive);
    connection.onClose(() => this.#lost(connection));
    for (const listener of [...this.#listeners]) listener(connection);
  }

  /** A trusted server names the pool's servers of now; those of the start stay as a last resort. */
  #learn({ servers, server }: Connection): void {
    const listed: Target[] = servers
      .filter(([, address]) => addressProblem(address) === null)
      .map(([name, address]) => ({ server: name, address: parseAddress(address) }));
    const known = new Set(listed.map(addressOf));
    const others = this.trust.targets.filter((target) => !known.has(addressOf(target)));
    this.#targets = [...listed, ...others];
    if (!listed.some((target) => target.server === server)) return;
    if (this.#pins.size === 0) return;
    this.#pins = new Set([...this.#pins, ...servers.map(([, , fingerprint]) => fingerprint)]);
  }

  /** The last good server first, then list order. */
  #order(): readonly Target[] {
    const first = this.#targets.filter((target) => addressOf(target) === this.#preferred);
    return [...first, ...this.#targets.filter((target) => !first.includes(target))];
  }

  #lost(connection: Connection): void {
    if (this.#current !== connection) return;
    this.#current = null;
    // A server that takes connections and drops them at once must not be hammered.
    if (connection.served) this.#backoffMs = 0;
    if (this.#listeners.size > 0 && !this.#closed) this.#scheduleRedial();
  }

  #scheduleRedial(): void {
    if (this.#redial !== null || this.#round !== null || this.#closed) return;
    this.#redial = this.#options.scheduler.after(this.nextPauseMs(), () => {
      this.#redial = null;
      // A failed round schedules the next one; its error is told to whoever calls `connect`.
      this.connect().catch(() => undefined);
    });
  }
}

function addressOf({ address }: Target): string {
  return formatAddress(address);
}

/** One error for a round in which no server could be had: the gravest, with all in its details. */
function asOne(failures: readonly LmError[], { source }: PoolTrust): LmError {
  const [first] = failures;
  const grave = failures.find(({ code }) => code !== 'unreachable') ?? first;
  if (grave === undefined) {
    return new LmError('config', `${source} names no server.`, 'Get the pool card anew.');
  }
  if (failures.length === 1 || grave.code !== 'unreachable') return grave;
  const servers = failures.map(({ message }) => message);
  const message = `No server of the pool can be reached: ${servers.join(' ')}`;
  return new LmError('unreachable', message, grave.hint, { servers });
}

function closedLink(): LmError {
  return new LmError('unreachable', 'The connection was closed on this side.', '');
}
