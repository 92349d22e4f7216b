/**
 * Loads the LMDB library, which is native code. The executable carries it inside, and Bun unpacks
 * it into a temporary directory before the system can load it. /tmp may be missing, read-only or
 * mounted noexec; the data directory is the one place that a server needs anyway, so it is unpacked
 * there, and removed at once: what is loaded stays loaded.
 */
import { ptr } from 'bun:ffi';
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, statfsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LmError } from '../../errors.ts';
import { libc } from '../libc.ts';

const UNPACKED = '.unpacked';
const VARIABLE = 'BUN_TMPDIR';
const PROT_READ_EXEC = 5;
const MAP_PRIVATE = 2;
const PROBE_BYTES = 4096;
/** More than the library takes. */
const UNPACKED_BYTES = 8 * 1024 * 1024;

/** Throws `config` where the library can't be loaded. */
export async function loadLmdb(directory: string): Promise<typeof import('lmdb')> {
  // Absolute: Bun drops the first character of what it takes for an absolute path.
  const scratch = join(resolve(directory), UNPACKED);
  const isExecutable = Bun.main.startsWith('/$bunfs/');
  const unpacksHere = isExecutable && makeScratch(scratch);
  const before = process.env[VARIABLE];
  // lmdb-js brings a codec that lm doesn't use, and that would load native code of its own from
  // the directory where the executable was built, if this machine has one of that name.
  process.env['MSGPACKR_NATIVE_ACCELERATION_DISABLED'] = 'true';
  try {
    if (unpacksHere) setEnvironment(VARIABLE, scratch);
    return await import('lmdb');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new LmError(
      'config',
      `The database library can't be loaded: ${why}.`,
      'It is unpacked into the data directory or, where that is full or noexec, into TMPDIR: ' +
        'set TMPDIR to a directory with space that programs may run from.',
    );
  } finally {
    if (unpacksHere) setEnvironment(VARIABLE, before);
    if (isExecutable) rmSync(scratch, { recursive: true, force: true });
  }
}

/** Makes an empty directory; false where it has no room, or is on a noexec mount. */
function makeScratch(scratch: string): boolean {
  const { mmap, munmap } = libc({
    mmap: { args: ['ptr', 'usize', 'i32', 'i32', 'i32', 'i64'], returns: 'i64' },
    munmap: { args: ['i64', 'usize'], returns: 'i32' },
  });
  try {
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch, { mode: 0o700 });
    const { bavail, bsize } = statfsSync(scratch);
    if (bavail * bsize < UNPACKED_BYTES) return false;
    const descriptor = openSync(join(scratch, 'probe'), 'wx+', 0o700);
    try {
      ftruncateSync(descriptor, PROBE_BYTES);
      const address = mmap(null, PROBE_BYTES, PROT_READ_EXEC, MAP_PRIVATE, descriptor, 0);
      if (BigInt(address) === -1n) return false;
      munmap(address, PROBE_BYTES);
      return true;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false;
  }
}

/** Bun reads this variable from the process's own environment, not from `process.env`. */
function setEnvironment(name: string, value: string | undefined): void {
  const { setenv, unsetenv } = libc({
    setenv: { args: ['ptr', 'ptr', 'i32'], returns: 'i32' },
    unsetenv: { args: ['ptr'], returns: 'i32' },
  });
  const nameText = Buffer.from(`${name}\0`);
  const valueText = Buffer.from(`${value ?? ''}\0`);
  if (value === undefined) unsetenv(ptr(nameText));
  else setenv(ptr(nameText), ptr(valueText), 1);
}
