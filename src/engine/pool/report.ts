/** What goes along with Raft's messages: a follower's report, and the leader's word (DESIGN 6). */
import { decode, encode } from '../codec.ts';
import type { Outbox } from '../effects.ts';
import { LmError } from '../errors.ts';
import type { ServerId } from '../raft/types.ts';
import type { Shown } from './peer-memory.ts';

/** A follower's row of the distribution table, as the leader's picture has it. */
export interface Usage {
  readonly license: string;
  readonly inUse: number;
  readonly available: number;
  readonly waiting: number;
}

export interface Report {
  readonly boot: number;
  /** The last transaction known to be on its disk. */
  readonly transaction: number;
  /** Its session, and the number of this ack in it; null before it returned, or where no ack. */
  readonly session: number | null;
  readonly number: number | null;
  /** Its wall clock, guarded, in milliseconds since 1970. */
  readonly wall: number;
  /** It asks for its return to be entered: the fence that this answers. */
  readonly returns: { readonly fence: number | null } | null;
  /** Usage up to this change; a report repeats what its leader did not confirm. */
  readonly change: number;
  readonly usage: readonly Usage[];
  /** Proposals, the first with this number, the others following it. */
  readonly firstProposal: number;
  readonly proposals: readonly Uint8Array[];
  /** Sequence of an RLF that it was offered and that is not in force as far as it knows. */
  readonly offers: number | null;
}

/** What the leader says to one follower with every message. */
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
}

export function encodeReport(report: Report): Uint8Array {
  const { boot, transaction, session, number, wall, returns, change } = report;
  const { usage, firstProposal, proposals, offers } = report;
  return encode([
    ...[boot, transaction, session, number, wall, returns === null ? null : [returns.fence]],
    change,
    usage.map(({ license, inUse, available, waiting }) => [license, inUse, available, waiting]),
    ...[firstProposal, proposals, offers],
  ]);
}

/** @throws LmError `protocol`. Byte strings are views of `bytes`. */
export function decodeReport(bytes: Uint8Array): Report {
  const fields = decode(bytes);
  check(Array.isArray(fields));
  const [boot, transaction, session, number, wall, returns, change, usage, first, all, offers] =
    fields as unknown[];
  check(isCount(boot) && isCount(transaction) && isCount(change) && isCount(first));
  check(isCountOrNull(session) && isCountOrNull(number) && isCountOrNull(offers));
  check(typeof wall === 'number' && Number.isFinite(wall));
  check(Array.isArray(usage) && Array.isArray(all));
  return {
    ...{ boot, transaction, session, number, wall, change, offers },
    returns: returns === null ? null : { fence: fenceIn(returns) },
    usage: usage.map(usageOf),
    firstProposal: first,
    proposals: all.map(bytesOf),
  };
}

export function encodeWord({ echo, change, servers }: LeaderWord): Uint8Array {
  return encode([
    ...[echo?.session ?? null, echo?.number ?? null, change],
    servers.map(({ id, up, shown: { boot, start, transaction } }) => {
      return [id, up, boot, start, transaction];
    }),
  ]);
}

function decodeWord(bytes: Uint8Array): LeaderWord {
  const fields = decode(bytes);
  check(Array.isArray(fields));
  const [session, number, change, servers] = fields as unknown[];
  check(isCountOrNull(session) && isCountOrNull(number) && isCount(change));
  check(Array.isArray(servers));
  return {
    echo: session === null || number === null ? null : { session, number },
    change,
    servers: servers.map((server: unknown) => {
      check(Array.isArray(server));
      const [id, up, boot, start, transaction] = server as unknown[];
      check(typeof id === 'string' && typeof up === 'boolean');
      check(isCount(boot) && isCount(start) && isCount(transaction));
      return { id, up, shown: { boot, start, transaction } };
    }),
  };
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

function usageOf(fields: unknown): Usage {
  check(Array.isArray(fields));
  const [license, inUse, available, waiting] = fields as unknown[];
  check(typeof license === 'string' && isCount(inUse) && isCount(waiting));
  check(typeof available === 'number' && Number.isSafeInteger(available));
  return { license, inUse, available, waiting };
}

function fenceIn(fields: unknown): number | null {
  check(Array.isArray(fields) && isCountOrNull(fields[0]));
  return fields[0];
}

function bytesOf(value: unknown): Uint8Array {
  check(value instanceof Uint8Array);
  return value;
}

function check(condition: boolean): asserts condition {
  if (condition) return;
  throw new LmError(
    'protocol',
    'A server of the pool sent a report that this version does not understand.',
    'Bring all servers to versions of lm that work together.',
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isCountOrNull(value: unknown): value is number | null {
  return value === null || isCount(value);
}
