/**
 * A server's data directory: prepared once, then opened by one server at a time. It holds `lm.mdb`,
 * LMDB's own lock file beside it, `lm.wal` once a server ran, and `lm.lock`. Who the server is lies
 * in the database, not in files: a copy of a part of the directory is no server (DESIGN section 5,
 * "Memory is identity").
 */
import { randomInt } from 'node:crypto';
import { linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { LmError } from '../errors.ts';
import type { Identity } from '../identity.ts';
import { requireFormat, storedFormat } from '../ledger/format.ts';
import { Space, spacePrefix } from '../records.ts';
import { readStarts, type Start, withStart } from '../starts.ts';
import { LOCK_FILE, lockDirectory } from './directory-lock.ts';
import { asDiskError } from './disk-error.ts';
import {
  directoryStatus,
  flushDirectory,
  requireLocalDisk,
  requirePrivate,
} from './file-system.ts';
import { badData, createStore, metaKey, openStore } from './lmdb/lmdb-store.ts';
import type { Store, Write } from './store.ts';
import { withWriteAheadLog } from './wal/wal-store.ts';

/** Of the directory itself and of what is in it from the beginning; the rest is the pool's. */
const FORMAT = 1;
const DATABASE_FILE = 'lm.mdb';
const LOG_FILE = 'lm.wal';
const STAMP_KEY = metaKey('stamp');
const IDENTITY_KEY = metaKey('identity');
const BOOT_KEY = metaKey('boot');
const STARTS_KEY = metaKey('starts');
const START_NUMBERS = 2 ** 47;

export interface Preparation {
  readonly server: string;
  /** Null where the server does not know its pool yet (`lm server new`). */
  readonly pool: string | null;
  readonly identity: Identity;
  /** What founds a pool, for its first servers; null for one that joins. */
  readonly founding: string | null;
}

export interface DataDirectory extends Preparation {
  readonly store: Store;
  /** How often the directory was opened, this time included. */
  readonly boot: number;
  /** A random number of this opening, and those of before, newest first. */
  readonly start: number;
  readonly earlier: readonly Start[];
  /** Frees the directory for another server. */
  close(): Promise<void>;
}

/**
 * Makes `directory`, or takes it if it is empty, and writes the server's identity into it. Where
 * that fails it leaves nothing behind. Throws `config`.
 */
export async function prepareDataDirectory(
  directory: string,
  preparation: Preparation,
): Promise<void> {
  const isNew = directoryStatus(directory) === null;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (readdirSync(directory).length > 0) {
      const hint = 'Name a new or an empty directory: what a server knows is never written over.';
      throw new LmError('config', `${directory} is not empty.`, hint, { directory });
    }
  } catch (error) {
    throw asDiskError(error, 'make', directory);
  }
  try {
    await fill(directory, preparation);
  } catch (error) {
    for (const file of [DATABASE_FILE, `${DATABASE_FILE}-lock`, LOCK_FILE]) {
      rmSync(join(directory, file), { force: true });
    }
    if (isNew) rmSync(directory, { recursive: true, force: true });
    throw asDiskError(error, 'prepare', directory);
  }
}

/**
 * Gives a prepared directory a new identity, with which its server joins the pool anew
 * (`--rejoin`). What was there is kept beside it, in `lm.mdb.before`. One that joins and knows
 * nothing yet stays as it is. Returns the server's name and fingerprint. Throws as
 * `openDataDirectory`.
 */
export async function renewDataDirectory(
  directory: string,
  makeIdentity: (server: string) => Promise<Identity>,
): Promise<{ readonly server: string; readonly fingerprint: string }> {
  const { server, pool, founding, identity, store, close } = await openDataDirectory(directory);
  const knowsNothing = founding === null && store.get(spacePrefix(Space.state)) === null;
  await close();
  if (knowsNothing) return { server, fingerprint: identity.fingerprint };
  const renewed = await makeIdentity(server);
  const unlock = lockDirectory(directory);
  const path = join(directory, DATABASE_FILE);
  const [made, before] = [`${path}.new`, `${path}.before`];
  try {
    for (const file of [made, `${made}-lock`, before]) rmSync(file, { force: true });
    await write(directory, made, { server, pool, identity: renewed, founding: null });
    linkSync(path, before);
    // Either the old one or the new one is there, whenever this is cut short.
    renameSync(made, path);
    for (const file of [`${made}-lock`, `${path}-lock`]) rmSync(file, { force: true });
    flushDirectory(directory);
  } catch (error) {
    throw asDiskError(error, 'prepare', directory);
  } finally {
    unlock();
  }
  return { server, fingerprint: renewed.fingerprint };
}

async function write(directory: string, path: string, preparation: Preparation): Promise<void> {
  const store = await createStore(directory, path);
  try {
    const { server, pool, founding, identity } = preparation;
    store.commit([
      json(STAMP_KEY, { format: FORMAT, server, pool, founding }),
      json(IDENTITY_KEY, identity),
      json(BOOT_KEY, 0),
      json(STARTS_KEY, []),
    ]);
  } finally {
    await store.close();
  }
}

async function fill(directory: string, preparation: Preparation): Promise<void> {
  checkDirectory(directory);
  const unlock = lockDirectory(directory);
  try {
    await write(directory, join(directory, DATABASE_FILE), preparation);
    flushDirectory(directory);
    flushDirectory(dirname(resolve(directory)));
  } finally {
    unlock();
  }
}

/**
 * Opens a prepared directory and counts the boot, on disk, before it returns. Throws `config` for a
 * directory that is not prepared, not private, not on a local disk, in use, or of a pool whose
 * format this version of lm does not understand, and `bad-data` for one whose database is damaged
 * or was written by another program.
 */
export async function openDataDirectory(directory: string): Promise<DataDirectory> {
  checkDirectory(directory);
  const path = join(directory, DATABASE_FILE);
  requireDatabase(directory, path);
  const unlock = lockDirectory(directory);
  let store: Store | null = null;
  try {
    const database = await openStore(directory, path);
    store = database;
    // Before anything is written: whoever understands it finds it as it was left.
    requireFormat(storedFormat(store), `What is in ${directory}`);
    store = withWriteAheadLog(database, directory, join(directory, LOG_FILE));
    return start(directory, store, unlock);
  } catch (error) {
    await store?.close();
    unlock();
    throw error;
  }
}

function start(directory: string, store: Store, unlock: () => void): DataDirectory {
  const { server, pool, founding } = readStamp(directory, store);
  // It may have come with the log, which a crash left.
  requireFormat(storedFormat(store), `What is in ${directory}`);
  const identity = readIdentity(directory, store);
  const before = read(directory, store, BOOT_KEY);
  if (typeof before !== 'number') throw incomplete(directory, BOOT_KEY);
  const boot = before + 1;
  const earlier = readStarts(read(directory, store, STARTS_KEY));
  const start = randomInt(START_NUMBERS);
  const starts = withStart(earlier, [boot, start, store.transaction + 1]);
  store.commit([json(BOOT_KEY, boot), json(STARTS_KEY, starts)]);
  const close = async (): Promise<void> => {
    await store.close();
    unlock();
  };
  return { store, server, pool, founding, identity, boot, start, earlier, close };
}

function checkDirectory(directory: string): void {
  const stats = directoryStatus(directory);
  if (stats === null) throw notPrepared(directory);
  requirePrivate(directory, stats);
  requireLocalDisk(directory);
}

/** What may not be looked at may be there all the same: that is another mistake to put right. */
function requireDatabase(directory: string, path: string): void {
  try {
    statSync(path);
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw isMissing ? notPrepared(directory) : asDiskError(error, 'open', path);
  }
}

function notPrepared(directory: string): LmError {
  return new LmError(
    'config',
    `${directory} is not a prepared data directory.`,
    'Prepare one with lm pool init (a new pool) or lm server new (one more server).',
    { directory },
  );
}

function incomplete(directory: string, key: Uint8Array): LmError {
  const name = Buffer.from(key).toString('latin1', 1);
  return badData(directory, `The record "${name}" in ${directory} is missing or unreadable.`);
}

function readStamp(directory: string, store: Store): Omit<Preparation, 'identity'> {
  const stamp = fields(read(directory, store, STAMP_KEY));
  const { format, server, pool, founding } = stamp;
  if (typeof format === 'number' && format > FORMAT) {
    const hint = 'Run the version that wrote it, or a later one.';
    throw new LmError('config', `${directory} was written by a later version of lm.`, hint);
  }
  const isWhole =
    format === FORMAT &&
    typeof server === 'string' &&
    (pool === null || typeof pool === 'string') &&
    (founding === null || typeof founding === 'string');
  if (!isWhole) throw incomplete(directory, STAMP_KEY);
  return { server, pool, founding };
}

function readIdentity(directory: string, store: Store): Identity {
  const { keyPem, certificatePem, fingerprint } = fields(read(directory, store, IDENTITY_KEY));
  const isWhole =
    typeof keyPem === 'string' &&
    typeof certificatePem === 'string' &&
    typeof fingerprint === 'string';
  if (!isWhole) throw incomplete(directory, IDENTITY_KEY);
  return { keyPem, certificatePem, fingerprint };
}

function json(key: Uint8Array, value: unknown): Write {
  return { key, value: Buffer.from(JSON.stringify(value)) };
}

function read(directory: string, store: Store, key: Uint8Array): unknown {
  const value = store.get(key);
  if (value === null) throw incomplete(directory, key);
  try {
    return JSON.parse(Buffer.from(value).toString());
  } catch {
    throw incomplete(directory, key);
  }
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
