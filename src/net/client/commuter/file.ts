/**
 * The file of a commuted seat (DESIGN section 10): JSON, and secret, since it holds the key. Its
 * phase says what may be done with it, and changes on disk before anything else does.
 */
import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { LmError } from '../../../engine/errors.ts';
import { bytesOfBase64url } from '../../../engine/license/base64url.ts';
import { badData, Fields } from '../../../engine/license/fields.ts';
import { COMMUTER_DAYS_MAX, RLF_BYTES_MAX, SEATS_PER_REQUEST_MAX } from '../../../engine/limits.ts';
import { KEY_BYTES, keyId } from '../../../engine/seat-key.ts';
import { writeDurably } from '../durable-file.ts';

/** What was asked for. */
export interface CommuterWish {
  readonly application: string;
  readonly version: string | null;
  readonly vendor: string | null;
  readonly count: number;
  readonly days: number;
}

export type CommuterFile =
  /** Asked for, and perhaps granted: whoever asks again under this key finds that out. */
  | { readonly phase: 'pending'; readonly key: Uint8Array; readonly wish: CommuterWish }
  /** A seat: `token` is the server's, `rlf` the text that names the server and has the code. */
  | {
      readonly phase: 'valid';
      readonly key: Uint8Array;
      readonly token: string;
      readonly rlf: string;
    }
  /** No seat any more: `disabled` until a server of the pool was told, then `returned`. */
  | {
      readonly phase: 'disabled' | 'returned';
      readonly key: Uint8Array;
      /** Null where it was never granted, as far as is known. */
      readonly pool: string | null;
      readonly application: string;
      /** An index of the ledger at which the seat was there. */
      readonly index: number | null;
    };

const KIND = 'lm-commuter';
/** An RLF as a JSON text may be escaped; then the token, and what is around them. */
export const FILE_BYTES_MAX = 2 * RLF_BYTES_MAX + 64 * 1024;

/** Null where there is no such file. @throws LmError `bad-data`, `config`. */
export function readCommuterFile(path: string): CommuterFile | null {
  const text = textOf(path);
  return text === null ? null : parseCommuterFile(text, path);
}

/**
 * The file's one name, whatever links lead to it, since what is kept beside it goes by that; null
 * where there is none.
 */
export function realFile(path: string): string | null {
  try {
    return realpathSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw unusable(path, 'read', error);
  }
}

/** Durable when it returns. `anew`: where a file of this name is there, it is refused. */
export function writeCommuterFile(path: string, file: CommuterFile, anew = false): void {
  const { key, ...fields } = file;
  const json = { kind: KIND, key: Buffer.from(key).toString('base64url'), ...fields };
  try {
    writeDurably(path, `${JSON.stringify(json)}\n`, { mode: 0o600, replace: !anew });
  } catch (error) {
    throw unusable(path, 'written', error);
  }
}

/** The public id of the seat, as `lm status` shows it. */
export function idOf({ key }: Pick<CommuterFile, 'key'>): string {
  return Buffer.from(keyId(key)).toString('base64url');
}

/** A failure of the file system, in words. */
export function unusable(path: string, doing: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'EEXIST') {
    const hint = 'Name another file, or remove this one first if nobody needs it.';
    return new LmError('config', `${path} exists already and is left as it is.`, hint);
  }
  const reason = `${path} can't be ${doing}: the system says ${String(error.code)}.`;
  return new LmError('config', reason, 'Check the path, and who may write there.');
}

export function parseCommuterFile(text: string, path: string): CommuterFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badData(`${path} is not the file of a commuted seat.`, HINT);
  }
  const fields = new Fields(value, path);
  fields.text('kind', (kind) => (kind === KIND ? null : `is not ${KIND}`));
  const phase = fields.text('phase', (one) => (isPhase(one) ? null : 'is no phase of a commute'));
  const key = bytesOfBase64url(fields.text('key', keyProblem)) ?? new Uint8Array(0);
  const file = restOf(phase as CommuterFile['phase'], fields, key);
  fields.end();
  return file;
}

function restOf(phase: CommuterFile['phase'], fields: Fields, key: Uint8Array): CommuterFile {
  if (phase === 'pending') return { phase, key, wish: wishIn(fields.table('wish')) };
  if (phase === 'valid') {
    return { phase, key, token: fields.text('token', unread), rlf: fields.text('rlf', unread) };
  }
  const pool = textOrNull(fields, 'pool');
  const application = fields.text('application', unread);
  const index = fields.raw['index'] === null ? null : fields.integer('index', COUNT);
  if (index === null) fields.ignore('index');
  return { phase, key, pool, application, index };
}

function wishIn(fields: Fields): CommuterWish {
  const wish = {
    application: fields.text('application', unread),
    version: textOrNull(fields, 'version'),
    vendor: textOrNull(fields, 'vendor'),
    count: fields.integer('count', { min: 1, max: SEATS_PER_REQUEST_MAX }),
    days: fields.integer('days', { min: 1, max: COMMUTER_DAYS_MAX }),
  };
  fields.end();
  return wish;
}

function textOrNull(fields: Fields, name: string): string | null {
  if (fields.raw[name] !== null) return fields.text(name, unread);
  fields.ignore(name);
  return null;
}

function textOf(path: string): string | null {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw unusable(path, 'read', error);
  }
  try {
    const { size } = fstatSync(file);
    if (size > FILE_BYTES_MAX) throw badData(`${path} is too large for a commuted seat.`, HINT);
    const bytes = Buffer.alloc(size);
    let length = 0;
    for (let n = -1; n !== 0 && length < size; length += n) {
      n = readSync(file, bytes, length, size - length, null);
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length));
  } catch (error) {
    if (error instanceof TypeError) throw badData(`${path} is not text in UTF-8.`, HINT);
    throw error instanceof LmError ? error : unusable(path, 'read', error);
  } finally {
    closeSync(file);
  }
}

function isPhase(text: string): boolean {
  return ['pending', 'valid', 'disabled', 'returned'].includes(text);
}

function keyProblem(text: string): string | null {
  return bytesOfBase64url(text)?.length === KEY_BYTES ? null : 'is not the key of a seat';
}

/** Checked by whoever uses it. */
const unread = () => null;
const COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER };
const HINT = 'Name the file that `lm commute out -o FILE` wrote.';
