/** A follower's report: it goes along with every ack, and in between when there is news. */
import { decode, encode } from '../codec.ts';
import { NAME_CHARACTERS_MAX } from '../limits.ts';
import type { Program } from '../program.ts';
import type { Stamp } from './pool-clock.ts';
import { check, isCount, isCountOrNull, isReadingOrNull, stampOf } from './wire-checks.ts';

/** A follower's row of the distribution table, as the leader's picture has it. */
export interface Usage {
  readonly license: string;
  readonly inUse: number;
  readonly available: number;
  readonly waiting: number;
  /** Seats that all of them ask for, and the first of them. */
  readonly waitingSeats: number;
  readonly headCount: number;
  /** When the first of them came, in pool time; null where nobody waits. */
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
  readonly clock: Stamp;
  /** The sequence of the RLF in force there; 0 from a version that does not say. */
  readonly rlf: number;
  /** The highest sequence of an RLF that was read there; 0 for none since its start. */
  readonly read: number;
  /** What runs there. */
  readonly program: Program;
}

export function encodeReport(report: Report): Uint8Array {
  const { boot, transaction, session, number, wall, returns, change } = report;
  const { usage, firstProposal, proposals, clock, program } = report;
  return encode([
    ...[boot, transaction, session, number, wall, returns === null ? null : [returns.fence]],
    change,
    usage.map(usageFields),
    ...[firstProposal, proposals, [clock.origin, clock.now], report.rlf, report.read],
    [program.version, program.protocol, program.format],
  ]);
}

/** @throws LmError `protocol`. Byte strings are views of `bytes`. */
export function decodeReport(bytes: Uint8Array): Report {
  const fields = decode(bytes);
  check(Array.isArray(fields));
  const [boot, transaction, session, number, wall, returns, change, usage, ...rest] =
    fields as unknown[];
  // An older version does not send the last three.
  const [first, all, clock, rlf = 0, read = 0, program = ['', 1, 1]] = rest;
  check(isCount(boot) && isCount(transaction) && isCount(change) && isCount(first));
  check(isCountOrNull(session) && isCountOrNull(number));
  check(typeof wall === 'number' && Number.isFinite(wall));
  check(Array.isArray(usage) && Array.isArray(all) && isCount(rlf) && isCount(read));
  return {
    ...{ boot, transaction, session, number, wall, change, rlf, read },
    returns: returns === null ? null : { fence: fenceIn(returns) },
    usage: usage.map(usageOf),
    firstProposal: first,
    proposals: all.map(bytesOf),
    clock: stampOf(clock),
    program: programOf(program),
  };
}

function usageFields(usage: Usage): unknown[] {
  const { license, inUse, available, waiting, waitingSeats, headCount, headSince } = usage;
  return [license, inUse, available, waiting, waitingSeats, headCount, headSince];
}

function usageOf(fields: unknown): Usage {
  check(Array.isArray(fields));
  const [license, inUse, available, waiting, waitingSeats, headCount, headSince] =
    fields as unknown[];
  check(typeof license === 'string' && isCount(inUse) && isCount(waiting));
  check(isCount(waitingSeats) && isCount(headCount) && isReadingOrNull(headSince));
  check(typeof available === 'number' && Number.isSafeInteger(available));
  return { license, inUse, available, waiting, waitingSeats, headCount, headSince };
}

function programOf(fields: unknown): Program {
  check(Array.isArray(fields));
  const [version, protocol, format] = fields as unknown[];
  check(typeof version === 'string' && version.length <= NAME_CHARACTERS_MAX);
  check(isCount(protocol) && isCount(format));
  return { version, protocol, format };
}

function fenceIn(fields: unknown): number | null {
  check(Array.isArray(fields) && isCountOrNull(fields[0]));
  return fields[0];
}

function bytesOf(value: unknown): Uint8Array {
  check(value instanceof Uint8Array);
  return value;
}
