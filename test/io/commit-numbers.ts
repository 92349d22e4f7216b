/**
 * Commits the numbers from 0 on, each with a filling, and prints each one once it is on disk:
 *
 *   bun commit-numbers.ts DIRECTORY FILLING_BYTES [NUMBERS]
 */
import { writeSync } from 'node:fs';
import { LmError } from '../../src/engine/errors.ts';
import { openDataDirectory } from '../../src/engine/io/data-directory.ts';

const [directory = '', fillingBytes = '100', numbers = 'Infinity'] = process.argv.slice(2);
try {
  const { store } = await openDataDirectory(directory);
  const filling = Buffer.alloc(Number(fillingBytes), 1);
  for (let number = 0; number < Number(numbers); number += 1) {
    const key = Buffer.from(`k${String(number).padStart(9, '0')}`);
    store.commit([{ key, value: Buffer.concat([key, filling]) }]);
    writeSync(1, `${number}\n`);
  }
} catch (error) {
  if (!(error instanceof LmError)) throw error;
  writeSync(2, `${error.code}: ${error.message}\n${error.hint}\n`);
  // As a server does: LMDB is not to be trusted with anything after a write that failed.
  process.exit(error.exitCode);
}
