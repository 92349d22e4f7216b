/** Why a request was refused, in words and numbers, with what to do about it. */
import type { DenialCode, ErrorDetails } from './errors.ts';
import { contactOf } from './pool/contact.ts';
import type { Pool } from './pool/pool.ts';
import type { Row } from './row.ts';

export interface Denial {
  readonly code: DenialCode;
  readonly message: string;
  readonly hint: string;
  readonly details: ErrorDetails;
}

export interface Wish {
  readonly vendor: string | null;
  readonly application: string;
  readonly version: string | null;
  readonly count: number;
}

export function unknownApplication({ vendor, application }: Wish): Denial {
  const whose = vendor === null ? '' : ` from ${vendor}`;
  return {
    code: 'unknown-application',
    message: `The pool has no license for ${application}${whose}.`,
    hint: 'Check the spelling, capitals included; "lm status" lists the licensed applications.',
    details: { application, vendor },
  };
}

export function ambiguousVendor(wish: Wish, vendors: readonly string[]): Denial {
  return {
    code: 'unknown-application',
    message: `${wish.application} is licensed by more than one vendor: ${vendors.join(', ')}.`,
    hint: 'Name the one that is meant with --vendor.',
    details: { application: wish.application, vendors },
  };
}

export function versionNotLicensed(wish: Wish, licensed: readonly string[]): Denial {
  return {
    code: 'version-not-licensed',
    message:
      `${wish.application} ${wish.version} is not licensed; ` +
      `the licenses cover versions up to ${licensed.at(-1)}.`,
    hint: 'Run a covered version, or have the administrator add a license for this one.',
    details: { application: wish.application, version: wish.version, licensed },
  };
}

/** What is licensed is about to change: no denial for good is due before it did. */
export function notInForceYet({ application }: Wish): Denial {
  return {
    code: 'busy',
    message: `A newer RLF was offered and is not in force yet: it may license ${application}.`,
    hint: 'Ask again in a moment.',
    details: { application },
  };
}

export function expired(row: Row): Denial {
  const end = row.license?.expires ?? null;
  return {
    code: 'expired',
    message: `The license for ${nameOf(row)} expired${end === null ? '' : ` on ${iso(end)}`}.`,
    hint: 'Ask the administrator for a renewed license.',
    details: { ...subject(row), expired: end === null ? null : iso(end) },
  };
}

export function notYetValid(row: Row): Denial {
  const start = row.license?.notBefore ?? null;
  const day = start === null ? 'a later day' : iso(start);
  return {
    code: 'not-yet-valid',
    message: `The license for ${nameOf(row)} begins on ${day}.`,
    hint: 'Wait until then, or ask the administrator for a license that is valid now.',
    details: { ...subject(row), begins: start === null ? null : iso(start) },
  };
}

export function evicted(row: Row): Denial {
  return {
    code: 'evicted',
    message: `An administrator ended this authorization of ${nameOf(row)}.`,
    hint: 'Ask whoever runs the pool.',
    details: subject(row),
  };
}

/** The majority rule: no authorization is issued without a majority of the pool in contact. */
export function noMajority(pool: Pool): Denial {
  const { needed, servers, up } = contactOf(pool);
  const server = pool.nameOf(pool.server);
  if (!pool.takesPart) {
    const { pool: name } = pool.state.rlf;
    return {
      code: 'no-majority',
      message: `Server ${server} is not in the pool ${name}: it waits to be taken in, or left.`,
      hint: 'Ask another server; "lm status --pool" shows which there are.',
      details: { server },
    };
  }
  return {
    code: 'no-majority',
    message:
      `Server ${server} may not issue now: it is not in contact with a majority of the pool ` +
      `(${needed} of ${servers} are needed; it knows of ${up.join(', ')}).`,
    hint: 'Check that the other servers run and can reach each other: lm status --pool.',
    details: { server },
  };
}

/** It is on its way out of the pool: its clients find their seats at the others. */
export function leaving(pool: Pool): Denial {
  const names = pool.state.rlf.servers.map(({ name }) => name);
  const server = pool.nameOf(pool.server);
  return {
    code: 'busy',
    message: `Server ${server} is leaving the pool, and grants nothing any more.`,
    hint: `Ask the others: ${names.join(', ')}.`,
    details: { server, servers: names },
  };
}

function dropped(row: Row): Denial {
  return {
    code: 'unknown-application',
    message: `The pool no longer has the license for ${nameOf(row)}: a newer RLF dropped it.`,
    hint: 'Ask again, where another version is licensed; "lm status" lists what is.',
    details: subject(row),
  };
}

export function exceedsLimit(row: Row, count: number): Denial {
  const { hardLimit } = row.accounts;
  const name = nameOf(row);
  return {
    code: 'exceeds-limit',
    message:
      `${count} seats of ${name} were asked for; ` +
      `the license has ${hardLimit}${awayWords(row)}.`,
    hint: 'Ask for fewer seats: waiting would not help.',
    details: numbers(row, count),
  };
}

/** Seats in records are nowhere to be seen among those that run. */
function awayWords({ accounts: { records } }: Row): string {
  return records === 0 ? '' : `, ${records} of them held or commuted`;
}

/** What is known of seats and waiters beyond this server: a leader knows more than a follower. */
export interface Known {
  /** Seats that lie free anywhere. */
  readonly free: number;
  /** How many wait, and whether there may be more that this server does not know of. */
  readonly waiting: number;
  readonly orMore: boolean;
}

/** Why a request that was in the line is turned away. */
export function notServed(row: Row, count: number): Denial {
  if (row.license === null) return dropped(row);
  if (row.phase === 'over') return expired(row);
  if (row.phase === 'coming') return notYetValid(row);
  return count > row.ceiling ? exceedsLimit(row, count) : allInUse(row, count);
}

export function allInUse(row: Row, count: number, known = knownHere(row)): Denial {
  return {
    code: 'all-in-use',
    message: allInUseMessage(row, count, known),
    hint: 'Try again later, or wait in the line with --wait.',
    details: numbers(row, count),
  };
}

/** A follower knows of the others what its leader says, and else what it could have by itself. */
function knownHere(row: Row): Known {
  const free = Math.max(0, row.word?.free ?? row.reachable);
  return { free, waiting: row.line.length, orMore: false };
}

function allInUseMessage(row: Row, count: number, { free, waiting, orMore }: Known): string {
  const { hardLimit, deficit, records } = row.accounts;
  const name = nameOf(row);
  if (deficit > 0) {
    const lowered = `The limit of ${name} was lowered to ${hardLimit}`;
    return `${lowered}, and ${deficit} more are still in use.`;
  }
  if (free === 0) return `All ${hardLimit} seats of ${name} are in use${awayWords(row)}.`;
  if (free < count) {
    const away = records === 0 ? '' : `; ${records} of its ${hardLimit} are held or commuted`;
    return `${count} seats of ${name} were asked for and ${free} are free${away}.`;
  }
  const many = orMore ? `${waiting} or more` : waiting;
  return `The free seats of ${name} go to those who wait already (${many}).`;
}

/** One that is short, and does not know what the others could lend it: a new leader, not yet. */
export function shortHere(
  row: Row,
  { count, server, leads }: { count: number; server: string; leads: boolean },
): Denial {
  const here = Math.max(0, row.available);
  const unknown = leads
    ? 'it has led for a moment only, and does not know yet what the others could lend'
    : 'what other servers could lend is known to the leader only';
  return {
    code: 'all-in-use',
    message:
      `Server ${server} has ${here} seats of ${nameOf(row)} free and the free pool ` +
      `${row.accounts.freePool}; ${unknown}.`,
    hint: leads
      ? 'Ask again in a moment; a request waits for that, too.'
      : 'Ask again once the leader can be reached; a request finds out, too.',
    details: numbers(row, count),
  };
}

export function lineFull(row: Row, count: number): Denial {
  return {
    code: 'busy',
    message: `The line for ${nameOf(row)} is full (${row.line.length} wait).`,
    hint: 'Try again later.',
    details: numbers(row, count),
  };
}

export function numbers(row: Row, requested: number): ErrorDetails {
  const { hardLimit, freePool, deficit, records } = row.accounts;
  return {
    ...subject(row),
    requested,
    hardLimit,
    inUse: row.inUse,
    available: Math.max(0, row.available),
    freePool,
    deficit,
    held: records,
    waiting: row.line.length,
  };
}

function subject({ named: { vendor, application, version } }: Row): ErrorDetails {
  return { vendor, application, version };
}

export function nameOf({ named: { application, version } }: Row): string {
  return `${application} ${version}`;
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
