/** A server's data directory: prepared once, then opened by one server at a time. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { LmError } from '../errors.ts';
import type { Identity } from '../identity.ts';
import { metaKey, openStore } from './lmdb-store.ts';
import type { Store, Write } from './store.ts';

const FORMAT = 1;
const DATABASE_FILE = 'lm.mdb';
const STAMP_KEY = metaKey('stamp');
const IDENTITY_KEY = metaKey('identity');
const BOOT_KEY = metaKey('boot');

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
  /** Frees the directory for another server. */
  close(): Promise<void>;
}

/** Makes `directory`, or takes it if it is empty, and writes the server's identity into it. */
export async function prepareDataDirectory(
  directory: string,
  preparation: Preparation,
): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (readdirSync(directory).length > 0) {
    throw new LmError('config', `${directory} is not empty.`, 'Name a new or an empty directory.');
  }
  const store = await openStore(directory, join(directory, DATABASE_FILE));
  const { server, pool, founding, identity } = preparation;
  store.commit([
    json(STAMP_KEY, { format: FORMAT, server, pool, founding }),
    json(IDENTITY_KEY, identity),
    json(BOOT_KEY, 0),
  ]);
  await store.close();
}

/** Opens a prepared directory and counts the boot, on disk, before it returns. */
export async function openDataDirectory(directory: string): Promise<DataDirectory> {
  const store = await openStore(directory, join(directory, DATABASE_FILE));
  const stamp = parse(store, STAMP_KEY) as Preparation;
  const identity = parse(store, IDENTITY_KEY) as Identity;
  const boot = (parse(store, BOOT_KEY) as number) + 1;
  store.commit([json(BOOT_KEY, boot)]);
  const { server, pool, founding } = stamp;
  return { store, server, pool, founding, identity, boot, close: () => store.close() };
}

function json(key: Uint8Array, value: unknown): Write {
  return { key, value: Buffer.from(JSON.stringify(value)) };
}

function parse(store: Store, key: Uint8Array): unknown {
  const value = store.get(key);
  return value === null ? null : JSON.parse(Buffer.from(value).toString());
}
