/** What the tests of the disk share: temporary directories, errors, child processes. */
import { afterAll } from 'bun:test';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmError } from '../../src/engine/errors.ts';
import type { Store } from '../../src/engine/io/store.ts';
import { bytes } from './samples.ts';

/**
 * A private directory that is removed after the tests of the file: to be made outside of tests.
 * (An `exit` handler would do for both, but `bun test` does not call it.)
 */
export function scratchDirectory(parent = tmpdir()): string {
  const directory = mkdtempSync(join(parent, 'lm-io-'));
  chmodSync(directory, 0o700);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A file system of its own in memory, or null without the right to mount one. */
export function mountedDirectory(options: string): string | null {
  const directory = mkdtempSync(join(tmpdir(), 'lm-io-'));
  const isMounted = mount(['-t', 'tmpfs', '-o', `mode=700,${options}`, 'tmpfs', directory]);
  afterAll(() => {
    if (isMounted) Bun.spawnSync(['umount', directory]);
    rmSync(directory, { recursive: true, force: true });
  });
  return isMounted ? directory : null;
}

/** Runs mount(8): whether it did what it was asked for. */
export function mount(args: readonly string[]): boolean {
  return Bun.spawnSync(['mount', ...args], { stdio: ['ignore', 'ignore', 'ignore'] }).success;
}

/** One in memory, where there is such a place: for tests that would flush a disk for nothing. */
export function memoryDirectory(): string {
  return scratchDirectory(existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
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
