/** Memory of a live key, and a start with a million of them. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openDataDirectory } from '../src/engine/io/data-directory.ts';
import { tableWrite } from '../src/engine/key-journal.ts';
import type { Terms } from '../src/engine/key-record.ts';
import { licenseKey } from '../src/engine/license/distribution.ts';
import { Space, spacePrefix, type Write } from '../src/engine/records.ts';
import { idText } from '../src/engine/seat-key.ts';
import { type BenchPool, startServer } from './pool.ts';
import { ownBytes } from './process-stat.ts';

const KEYS = 1_000_000;
const BATCH = 5_000;

export interface KeyResult {
  readonly keys: number;
  /** Memory of the server with the keys less that without, by key; pages of its file aside. */
  readonly bytesPerKey: number;
  /** Reading the keys' records from LMDB alone. */
  readonly readMs: number;
  readonly startMs: number;
  readonly ratio: number;
}

export async function measureKeys(pool: BenchPool): Promise<KeyResult> {
  const empty = await startServer(pool);
  const emptyBytes = ownBytes(empty.pid);
  await empty.stop();
  process.stderr.write(`  writing ${KEYS} keys\n`);
  await writeKeys(pool);
  const readMs = await readKeys(pool);
  const full = await startServer(pool);
  const fullBytes = ownBytes(full.pid);
  await full.stop();
  const { startMs } = full;
  const bytesPerKey = (fullBytes - emptyBytes) / KEYS;
  return { keys: KEYS, bytesPerKey, readMs, startMs, ratio: startMs / readMs };
}

async function writeKeys({ first }: BenchPool): Promise<void> {
  const { store, close } = await openDataDirectory(first.data);
  const license = licenseKey({ vendor: 'Acme', application: 'Application', version: '1.0' });
  const terms = { license, count: 1, lifetimeMs: 600_000 };
  for (let from = 1; from <= KEYS; from += BATCH) {
    const writes: Write[] = [];
    for (let number = from; number < from + BATCH; number++) writes.push(keyOf(number, terms));
    store.commit(writes);
  }
  await close();
}

function keyOf(number: number, terms: Terms): Write {
  const instance = idText(randomBytes(16));
  const place = { pid: number % 60_000, address: '192.0.2.7', instance };
  const holder = { user: `user${number % 500}`, host: `host${number % 200}.example.com`, ...place };
  const id = idText(randomBytes(16));
  return tableWrite({ number, id, since: Date.now(), terms, holder, tabled: false });
}

/** LMDB alone: no frames, no checks, nothing kept. */
async function readKeys({ first }: BenchPool): Promise<number> {
  const { open } = await import('lmdb');
  const options = { path: join(first.data, 'lm.mdb'), noSubdir: true, readOnly: true } as const;
  const database = open<Uint8Array, Uint8Array>({
    ...options,
    encoding: 'binary',
    keyEncoding: 'binary',
  });
  const begun = performance.now();
  let read = 0;
  const end = Uint8Array.of(Space.key + 1);
  for (const { value } of database.getRange({ start: spacePrefix(Space.key), end })) {
    read += value.length > 0 ? 1 : 0;
  }
  const readMs = performance.now() - begun;
  if (read !== KEYS) throw new Error(`${read} keys were read back`);
  await database.close();
  return readMs;
}
