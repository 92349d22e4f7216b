/** A follower's report: it goes along with every ack, and in between when there is news. */
import { decode, encode } from '../codec.ts';
import { check, isCount, isCountOrNull } from './wire-checks.ts';

/** A follower's row of the distribution table, as the leader's picture has it. */
export interface Usage {
  readonly license: string;
  readonly inUse: number;
  readonly available: number;
  readonly waiting: number;
  /** Seats that all of them ask for, and the first of them. */
  readonly waitingSeats: number;
  readonly headCount: number;
  /** When the first of them came, by the clock of who has this; null where nobody waits. */
  readonly headSince: number | null;
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
  /** The sequence of the RLF in force there; 0 from a version that does not say. */
  readonly rlf: number;
  /** The highest sequence of an RLF that was read there; 0 for none since its start. */
  readonly read: number;
}

/** Times go as ages at `now`, since no two clocks agree. */
export function encodeReport(report: Report, now: number): Uint8Array {
  const { boot, transaction, session, number, wall, returns, change } = report;
  const { usage, firstProposal, proposals } = report;
  return encode([
    ...[boot, transaction, session, number, wall, returns === null ? null : [returns.fence]],
    change,
    usage.map((row) => usageFields(row, now)),
    ...[firstProposal, proposals, report.rlf, report.read],
  ]);
}

/** @throws LmError `protocol`. Byte strings are views of `bytes`; ages become times. */
export function decodeReport(bytes: Uint8Array, now: number): Report {
  const fields = decode(bytes);
  check(Array.isArray(fields));
  const [boot, transaction, session, number, wall, returns, change, usage, first, all] =
    fields as unknown[];
  const [rlf = 0, read = 0] = (fields as unknown[]).slice(RLF_FIELD);
  check(isCount(boot) && isCount(transaction) && isCount(change) && isCount(first));
  check(isCountOrNull(session) && isCountOrNull(number));
  check(typeof wall === 'number' && Number.isFinite(wall));
  check(Array.isArray(usage) && Array.isArray(all) && isCount(rlf) && isCount(read));
  return {
    ...{ boot, transaction, session, number, wall, change, rlf, read },
    returns: returns === null ? null : { fence: fenceIn(returns) },
    usage: usage.map((row) => usageOf(row, now)),
    firstProposal: first,
    proposals: all.map(bytesOf),
  };
}

/** Where the fields begin that an older version does not send. */
const RLF_FIELD = 10;

function usageFields(usage: Usage, now: number): unknown[] {
  const { license, inUse, available, waiting, waitingSeats, headCount, headSince } = usage;
  const age = headSince === null ? null : Math.max(0, Math.floor(now - headSince));
  return [license, inUse, available, waiting, waitingSeats, headCount, age];
}

function usageOf(fields: unknown, now: number): Usage {
  check(Array.isArray(fields));
  const [license, inUse, available, waiting, waitingSeats, headCount, age] = fields as unknown[];
  check(typeof license === 'string' && isCount(inUse) && isCount(waiting));
  check(isCount(waitingSeats) && isCount(headCount) && isCountOrNull(age));
  check(typeof available === 'number' && Number.isSafeInteger(available));
  const headSince = age === null ? null : now - age;
  return { license, inUse, available, waiting, waitingSeats, headCount, headSince };
}

function fenceIn(fields: unknown): number | null {
  check(Array.isArray(fields) && isCountOrNull(fields[0]));
  return fields[0];
}

function bytesOf(value: unknown): Uint8Array {
  check(value instanceof Uint8Array);
  return value;
}
