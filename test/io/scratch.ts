/** What the tests of the disk share: temporary directories, sample records, child processes. */
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmError } from '../../src/engine/errors.ts';
import type { Preparation } from '../../src/engine/io/data-directory.ts';
import type { Store } from '../../src/engine/io/store.ts';

export const SAMPLE: Preparation = {
  server: 'A',
  pool: 'cad-east',
  founding: 'sequence = 1\n',
  identity: { keyPem: 'key', certificatePem: 'certificate', fingerprint: 'sha256:00' },
};

/** A private directory that is removed when the test process ends. */
export function scratchDirectory(parent = tmpdir()): string {
  const directory = mkdtempSync(join(parent, 'lm-io-'));
  chmodSync(directory, 0o700);
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** One in memory, where there is such a place: for tests that would flush a disk for nothing. */
export function memoryDirectory(): string {
  return scratchDirectory(existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
}

export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

/** The records of a space as text, "key=value". */
export function contents(store: Store, prefix = 'k'): string[] {
  return [...store.scan(bytes(prefix))].map(([key, value]) => {
    return `${Buffer.from(key)}=${Buffer.from(value)}`;
  });
}

/** The error that `action` fails with: an LmError, or the test fails. */
export async function failure(action: () => unknown): Promise<LmError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof LmError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** Random numbers from 0 up to 1, the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = (Math.imul(seed, 2_654_435_761) ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 0;
    return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
  };
}

/** A Bun process that runs `script`, a module in this folder. */
export function spawnScript(script: string, args: readonly string[]) {
  return Bun.spawn([process.execPath, join(import.meta.dir, script), ...args], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
}

/** Runs `script` to its end. */
export async function runScript(script: string, args: readonly string[]) {
  const child = spawnScript(script, args);
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code: child.exitCode, signal: child.signalCode, stdout, stderr };
}
