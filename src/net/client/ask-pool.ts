/**
 * Asking one pool: the server that is connected first, then, where that one has no seat or no
 * majority, the others in list order; again after a lost connection, under the same key, so that a
 * retry finds its own grant. The server that grants is spoken to from then on.
 */
import { LmError } from '../../engine/errors.ts';
import type { Connection } from './connection.ts';
import { RETRIES_MAX } from './limits.ts';
import type { PoolLink } from './link.ts';
import type { Opened } from './race.ts';
import { isLocal, mostHopeful } from './refusal.ts';
import { addressOf } from './server-list.ts';
import type { Target } from './trust.ts';
import { type AskServerOptions, askServer, type Granted, type Wish } from './waiter.ts';

export interface AskPoolOptions extends AskServerOptions {
  /** HOST:PORT of the server to ask first, or null for the one that is connected. */
  readonly first: string | null;
}

export interface Answer {
  readonly link: PoolLink;
  readonly opened: Opened;
  readonly granted: Granted;
}

export interface PoolRefusal {
  readonly link: PoolLink;
  readonly error: LmError;
  /** HOST:PORT of who refused; null where none could be asked. */
  readonly address: string | null;
  /** Whether a request went out whose answer was lost: it may have been granted. */
  readonly unheard: boolean;
}

export const NO_TICKET = new Uint8Array(0);

/** Returns a refusal; throws the signal's reason, or what is a defect. */
export async function askPool(
  link: PoolLink,
  wish: Wish,
  options: AskPoolOptions,
): Promise<Answer | PoolRefusal> {
  const refusals = new Map<string | null, { error: LmError; address: string | null }>();
  const inList = (address: string | null) => {
    return link.servers.targets.find((target) => addressOf(target) === address) ?? null;
  };
  // Null: whoever is connected, or can be.
  let target = inList(options.first);
  for (let losses = 0; ; ) {
    const outcome = await askAt(link, target, { ...options, wish });
    if ('granted' in outcome) return outcome;
    const { error, asked } = outcome;
    if (error.code === 'unreachable' && asked !== null && ++losses < RETRIES_MAX) {
      await options.scheduler.sleep(link.nextPauseMs(), options.signal);
      target = null;
      continue;
    }
    const address = asked ?? (target === null ? null : addressOf(target));
    refusals.set(address, { error, address });
    // A round in which nobody could be connected to has tried them all.
    const next = link.servers.targets.find((one) => !refusals.has(addressOf(one)));
    if (next === undefined || (target === null && !isLocal(error))) {
      // In list order, so that the line of the first is joined.
      const inOrder = [null, ...link.servers.targets.map(addressOf), address];
      const found = inOrder.flatMap((one) => refusals.get(one) ?? []);
      return { link, ...mostHopeful(found), unheard: losses > 0 };
    }
    target = next;
  }
}

interface Refused {
  readonly error: LmError;
  /** HOST:PORT of the server that the request went to, or null where none could be had. */
  readonly asked: string | null;
}

/** One server: the one named, or where it is null the one connected to. */
async function askAt(
  link: PoolLink,
  target: Target | null,
  { wish, ...options }: AskPoolOptions & { readonly wish: Wish },
): Promise<Answer | Refused> {
  const { key, signal } = options;
  const reached: { connection: Connection | null } = { connection: null };
  const use = async (opened: Opened): Promise<Answer> => {
    signal.throwIfAborted();
    reached.connection = opened.connection;
    const vendor = wish.vendor ?? opened.vendor;
    const granted = await askServer(opened.connection, { ...wish, vendor }, options);
    link.settle(opened);
    return { link, opened, granted };
  };
  try {
    const asking = target === null ? link.opened().then(use) : link.at(target, use);
    return await abortable(asking, signal);
  } catch (error) {
    const { connection } = reached;
    if (signal.aborted && connection !== null) {
      // Leaves the line, or gives back what was granted meanwhile.
      void link.releaser.give({ key, ticket: NO_TICKET }, 0, connection);
    }
    signal.throwIfAborted();
    if (!(error instanceof LmError)) throw error;
    return { error, asked: connection?.address ?? null };
  }
}

/** Stops waiting for a promise when the signal comes; the promise itself goes on. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const settled = () => signal.removeEventListener('abort', onAbort);
    promise.then(resolve, reject).finally(settled);
  });
}
