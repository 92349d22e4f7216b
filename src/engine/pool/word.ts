/** The leader's word: what it says to a follower with every message (DESIGN sections 5 to 8). */
import { decode, encode } from '../codec.ts';
import type { Outbox } from '../effects.ts';
import { LmError } from '../errors.ts';
import type { ServerId } from '../raft/types.ts';
import type { Shown } from './peer-memory.ts';
import type { Stamp } from './pool-clock.ts';
import { check, isCount, isCountOrNull, isReadingOrNull, stampOf } from './wire-checks.ts';

/** What one server has to know of the line of one license, which is one for the whole pool. */
export interface LineWord {
  readonly license: string;
  /** When the first of those who wait at other servers came, in pool time; null: nobody waits. */
  readonly othersSince: number | null;
  /** Seats that lie free anywhere, as far as the leader knows. */
  readonly free: number;
  /** They are not enough for the first who waits here, or would, and those before it. */
  readonly scarce: boolean;
  /** How many wait elsewhere, and how many of them where somebody came before the first here. */
  readonly elsewhere: number;
  readonly ahead: number;
  /** Seats that this server should keep at most, and who gets the rest (null: the free pool). */
  readonly keep: number | null;
  readonly to: ServerId | null;
}

export interface LeaderWord {
  /** The newest ack of this follower's, if it may go on issuing. */
  readonly echo: { readonly session: number; readonly number: number } | null;
  /** Usage is known up to this change of the follower's. */
  readonly change: number;
  /** For each other server of the pool: whether it is up, and the most that it showed. */
  readonly servers: readonly {
    readonly id: ServerId;
    readonly up: boolean;
    readonly shown: Shown;
  }[];
  /** Licenses that somebody waits for; null while a new leader does not know yet. */
  readonly lines: readonly LineWord[] | null;
  readonly clock: Stamp;
}

export function encodeWord({ echo, change, servers, lines, clock }: LeaderWord): Uint8Array {
  return encode([
    ...[echo?.session ?? null, echo?.number ?? null, change],
    servers.map(({ id, up, shown: { boot, start, transaction } }) => {
      return [id, up, boot, start, transaction];
    }),
    lines?.map(({ license, othersSince, free, scarce, keep, to, elsewhere, ahead }) => {
      return [license, othersSince, free, scarce, keep, to, elsewhere, ahead];
    }) ?? null,
    [clock.origin, clock.now],
  ]);
}

/** What a leader of another version says may make no sense here: noted, and no more. */
export function readWord(bytes: Uint8Array, outbox: Outbox): LeaderWord | null {
  try {
    return decodeWord(bytes);
  } catch (error) {
    if (!(error instanceof LmError)) throw error;
    outbox.note('warn', error.message);
    return null;
  }
}

function decodeWord(bytes: Uint8Array): LeaderWord {
  const fields = decode(bytes);
  check(Array.isArray(fields));
  const [session, number, change, servers, lines, clock] = fields as unknown[];
  check(isCountOrNull(session) && isCountOrNull(number) && isCount(change));
  check(Array.isArray(servers) && (lines === null || Array.isArray(lines)));
  return {
    echo: session === null || number === null ? null : { session, number },
    change,
    servers: servers.map(serverOf),
    lines: lines?.map(lineOf) ?? null,
    clock: stampOf(clock),
  };
}

function serverOf(server: unknown): LeaderWord['servers'][number] {
  check(Array.isArray(server));
  const [id, up, boot, start, transaction] = server as unknown[];
  check(typeof id === 'string' && typeof up === 'boolean');
  check(isCount(boot) && isCount(start) && isCount(transaction));
  return { id, up, shown: { boot, start, transaction } };
}

function lineOf(line: unknown): LineWord {
  check(Array.isArray(line));
  const [license, othersSince, free, scarce, keep, to, elsewhere, ahead] = line as unknown[];
  check(typeof license === 'string' && isReadingOrNull(othersSince) && isCount(free));
  check(typeof scarce === 'boolean' && isCountOrNull(keep));
  check(to === null || typeof to === 'string');
  check(isCount(elsewhere) && isCount(ahead));
  return { license, othersSince, free, scarce, keep, to, elsewhere, ahead };
}
