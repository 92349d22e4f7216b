/**
 * A seat as a text that can be printed and handed to another process (`lm request` to
 * `lm release`): opaque and secret, since whoever has it can give the seat back.
 */
import { decode, encode } from '../../engine/codec.ts';
import { LmError } from '../../engine/errors.ts';
import { KEY_BYTES } from '../../engine/seat-key.ts';
import { KEY_TEXT_CHARACTERS_MAX, TICKET_BYTES_MAX } from './limits.ts';

export const INSTANCE_BYTES = 16;

export interface PortableSeat {
  readonly key: Uint8Array;
  readonly ticket: Uint8Array;
  /** The client instance that holds it. */
  readonly instance: Uint8Array;
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly count: number;
  readonly pool: string;
  /** Name of the server that it lives at, as far as is known. */
  readonly server: string;
  /** Until when its lifetime runs, where it is told: after that the seat must not be claimed. */
  readonly runs?: Runs | undefined;
}

export interface Runs {
  /** `machineName` of whose boot-time clock this is a time. */
  readonly machine: string;
  /** Milliseconds. */
  readonly until: number;
}

const PREFIX = 'lmk1_';

export function seatText(seat: PortableSeat): string {
  const { key, ticket, instance, vendor, application, version, count, pool, server } = seat;
  const { machine = null, until = null } = seat.runs ?? {};
  const terms = [vendor, application, version, count, pool, server];
  const fields = [key, ticket, instance, ...terms, machine, until];
  return PREFIX + Buffer.from(encode(fields)).toString('base64url');
}

/** @throws LmError `bad-data`; the message does not repeat the text, for it is a secret. */
export function readSeatText(text: string): PortableSeat {
  const trimmed = text.trim();
  if (!trimmed.startsWith(PREFIX) || trimmed.length > KEY_TEXT_CHARACTERS_MAX) throw notAKey();
  let fields: unknown;
  try {
    fields = decode(new Uint8Array(Buffer.from(trimmed.slice(PREFIX.length), 'base64url')));
  } catch {
    throw notAKey();
  }
  if (!Array.isArray(fields)) throw notAKey();
  const [key, ticket, instance, ...rest]: unknown[] = fields;
  const [vendor, application, version, count, pool, server, machine, until] = rest;
  return {
    key: bytes(key, KEY_BYTES, KEY_BYTES),
    ticket: bytes(ticket, 0, TICKET_BYTES_MAX),
    instance: bytes(instance, INSTANCE_BYTES, INSTANCE_BYTES),
    vendor: string(vendor),
    application: string(application),
    version: string(version),
    count: Number.isSafeInteger(count) ? Number(count) : fail(),
    pool: string(pool),
    server: string(server),
    runs: runsOf(machine, until),
  };
}

/** Texts of earlier versions don't tell it. */
function runsOf(machine: unknown, until: unknown): Runs | undefined {
  if (typeof machine !== 'string' || typeof until !== 'number') return undefined;
  return Number.isFinite(until) ? { machine, until } : undefined;
}

function bytes(value: unknown, least: number, most: number): Uint8Array {
  if (!(value instanceof Uint8Array)) return fail();
  return value.length >= least && value.length <= most ? value.slice() : fail();
}

function string(value: unknown): string {
  return typeof value === 'string' ? value : fail();
}

function fail(): never {
  throw notAKey();
}

function notAKey(): LmError {
  return new LmError(
    'bad-data',
    'This is not the key of a seat.',
    'Give the text that `lm request` printed: it begins with lmk1_.',
  );
}
