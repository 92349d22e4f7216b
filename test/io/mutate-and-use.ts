/**
 * Damages copies of a database and uses those that the check lets through, as a server would. Run
 * by database-check.test.ts in a process of its own: what the check misses may kill it by a signal.
 *
 *   bun mutate-and-use.ts DIRECTORY FIRST END
 *
 * Each seed from FIRST up to END is one damage to DIRECTORY/base.mdb. Prints a JSON summary.
 */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LmError } from '../../src/engine/errors.ts';
import { findDamage } from '../../src/engine/io/lmdb/check.ts';
import { openStore } from '../../src/engine/io/lmdb/lmdb-store.ts';
import { randomWrites } from './random-writes.ts';
import { bytes, seededRandom } from './scratch.ts';

const PAGE_BYTES = 4096;
const HEADER_BYTES = 160;

const [directory = '', first = '0', end = '0'] = process.argv.slice(2);
const base = readFileSync(join(directory, 'base.mdb'));
const pages = base.length / PAGE_BYTES;
const seen = { refused: 0, badRecord: 0, used: 0 };
for (let seed = Number(first); seed < Number(end); seed += 1) {
  const path = join(directory, `${seed}.mdb`);
  writeFileSync(path, damage(seed));
  writeFileSync(join(directory, 'seed'), String(seed));
  seen[await use(path, seed)] += 1;
  rmSync(path);
  rmSync(`${path}-lock`, { force: true });
}
console.log(JSON.stringify(seen));

function damage(seed: number): Buffer {
  const random = seededRandom(seed);
  const upTo = (limit: number): number => Math.floor(random() * limit);
  const copy = Buffer.from(base);
  const start = upTo(pages) * PAGE_BYTES;
  const page = copy.subarray(start, start + PAGE_BYTES);
  switch (seed % 8) {
    case 0:
      return copy.subarray(0, upTo(copy.length));
    case 1:
      page.fill(0);
      break;
    case 2:
      for (let index = 0; index < PAGE_BYTES; index += 1) page[index] = upTo(256);
      break;
    case 3:
      page[upTo(HEADER_BYTES)] = upTo(256);
      break;
    case 4:
      flipBit(copy, upTo(copy.length), upTo(8));
      break;
    case 5:
      base.copy(page, 0, upTo(pages) * PAGE_BYTES);
      if (random() < 0.5) page.writeBigUInt64LE(BigInt(start / PAGE_BYTES));
      break;
    case 6:
      copy[upTo(2) * PAGE_BYTES + upTo(HEADER_BYTES)] = upTo(256);
      break;
    default:
      page.writeUInt16LE(upTo(PAGE_BYTES), 24 + 2 * upTo(40));
  }
  return copy;
}

function flipBit(buffer: Buffer, index: number, bit: number): void {
  buffer[index] = (buffer[index] ?? 0) ^ (1 << bit);
}

async function use(path: string, seed: number): Promise<keyof typeof seen> {
  if (findDamage(path) !== null) return 'refused';
  const store = await openStore(directory, path);
  try {
    for (const _ of store.scan(bytes('k')));
    const random = seededRandom(seed);
    for (let round = 0; round < 12; round += 1) store.commit(randomWrites(random, 60));
    for (const _ of store.scan(bytes('k')));
  } catch (error) {
    if (error instanceof LmError && error.code === 'bad-data') return 'badRecord';
    copyFileSync(path, join(directory, 'missed.mdb'));
    throw error;
  } finally {
    await store.close();
  }
  if (findDamage(path) !== null) throw new Error(`seed ${seed}: damage spread unseen`);
  return 'used';
}
