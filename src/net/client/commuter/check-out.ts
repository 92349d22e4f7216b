/**
 * Checks a seat out to a file. The key is on disk before anybody is asked, so that whatever crashes
 * or gets lost in between, the same check-out again finds the seat instead of taking another.
 */
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { LmError } from '../../../engine/errors.ts';
import { KEY_BYTES } from '../../../engine/seat-key.ts';
import { type AskOptions, ask } from '../ask.ts';
import type { Answer } from '../ask-pool.ts';
import { removeLeftover } from '../durable-file.ts';
import type { PoolLink } from '../link.ts';
import { askProof, newNonce } from '../prove.ts';
import type { Wish } from '../waiter.ts';
import { CommuterClock, clockPath } from './clock.ts';
import {
  type CommuterFile,
  type CommuterWish,
  idOf,
  readCommuterFile,
  realFile,
  writeCommuterFile,
} from './file.ts';
import { machineFingerprint } from './fingerprint.ts';
import { type CommuterToken, verifyToken } from './token.ts';

export interface CheckOut extends Omit<AskOptions, 'key'> {
  readonly links: readonly PoolLink[];
  readonly file: string;
  readonly wish: Wish;
  readonly days: number;
  readonly vendorKey: string | null;
}

/** A seat that was checked out. */
export interface CheckedOut extends CommuterToken {
  readonly file: string;
  /** Whether the chain from the vendor's key was checked. */
  readonly verified: boolean;
}

/** The license does not let it: nobody can have granted it. */
const NEVER: ReadonlySet<string> = new Set([
  ...['denied-by-policy', 'unknown-application', 'version-not-licensed', 'exceeds-limit'],
  ...['expired', 'not-yet-valid', 'usage'],
]);

/** @throws LmError as a request, `denied-by-policy`, or `config` where the file is in the way. */
export async function checkOut(options: CheckOut): Promise<CheckedOut> {
  const { days, wish } = options;
  const machine = machineFingerprint();
  const { application, version, vendor, count } = wish;
  const asked: CommuterWish = { application, version, vendor, count, days };
  const file = fileAt(options.file);
  const found = readCommuterFile(file);
  const key = pendingKey(file, asked, found);
  const unheard = new Set<PoolLink>();
  try {
    return await finish(file, key, { ...options, machine, unheard });
  } catch (error) {
    // Given back unheard, as far as this client knew: the key is of no use any more.
    if (error instanceof LmError && error.code === 'evicted') {
      return await finish(file, begin(file, asked), { ...options, machine });
    }
    const never = error instanceof LmError && NEVER.has(error.code) && unheard.size === 0;
    if (never && found?.phase !== 'pending') removeLeftover(file);
    throw error;
  }
}

type Finishing = CheckOut & { readonly machine: string };

async function finish(file: string, key: Uint8Array, options: Finishing): Promise<CheckedOut> {
  const { links, days, machine, vendorKey } = options;
  const wish: Wish = { ...options.wish, commute: [days, machine] };
  const answer = await ask(links, wish, { ...options, key });
  const { token, rlf } = await signedBy(answer, key);
  const { admin } = answer.link.trust;
  const claims = verifyToken(token.jws, rlf, { vendorKey, admin, pins: [] });
  const isOurs = claims.nonce === token.nonce && claims.id === idOf({ key });
  if (!isOurs || claims.machine !== machine) throw notOurs(answer);
  // The pool's time counts for more than what an earlier seat of this name remembers.
  removeLeftover(clockPath(file));
  const clock = new CommuterClock(file, claims.issuedAt);
  clock.read();
  clock.keep();
  writeCommuterFile(file, { phase: 'valid', key, token: token.jws, rlf });
  return { ...claims, file, verified: vendorKey !== null };
}

async function signedBy({ link, opened }: Answer, key: Uint8Array) {
  const connection = opened.connection.closed ? await link.connect() : opened.connection;
  const nonce = newNonce();
  const jws = await askProof(connection, key, nonce);
  const rlf = await connection.rlfText();
  return { token: { jws, nonce: nonce.toString('base64url') }, rlf };
}

/** The key of an unfinished check-out of the same, or a new one, which is on disk. */
function pendingKey(file: string, wish: CommuterWish, found: CommuterFile | null): Uint8Array {
  if (found?.phase !== 'pending') return begin(file, wish, found);
  if (JSON.stringify(found.wish) === JSON.stringify(wish)) return found.key;
  const { application, days, count } = found.wish;
  const wished = `${application}, ${count} seats, ${days} days`;
  const message = `${file} is of an unfinished check-out (${wished}).`;
  throw new LmError('config', message, `Finish that one, or drop it: lm commute in ${file}.`);
}

function begin(file: string, wish: CommuterWish, found?: CommuterFile | null): Uint8Array {
  const isFree = found === undefined || found === null || found.phase === 'returned';
  if (!isFree) {
    const message = `${file} is of a seat that is checked out already.`;
    throw new LmError('config', message, 'Name another file, or check that seat in.');
  }
  const key = randomBytes(KEY_BYTES);
  writeCommuterFile(file, { phase: 'pending', key, wish }, found === null);
  return key;
}

/** By its one name, also where it is not there yet. @throws LmError `config`. */
function fileAt(named: string): string {
  const known = realFile(named);
  if (known !== null) return known;
  const folder = realFile(dirname(named));
  if (folder !== null) return join(folder, basename(named));
  const message = `There is no directory ${dirname(named)}.`;
  throw new LmError('config', message, 'Make it, or name another file.');
}

function notOurs({ opened }: Answer): LmError {
  const message = `The server at ${opened.connection.address} signed another seat than it granted.`;
  return new LmError('untrusted', message, 'Tell whoever runs the pool.');
}
