/** Files written so that a crash leaves the old one or the new one, and never half of either. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';

export interface Writing {
  /** Permissions of a new file, whatever the umask: 0o600 for a secret. Default: as the umask. */
  readonly mode?: number;
  /** Replaces a file of this name, keeping its permissions. Otherwise a file there is refused. */
  readonly replace?: boolean;
}

/** On disk when it returns. Throws what the file system says: EEXIST where one is there. */
export function writeDurably(path: string, text: string, { mode, replace }: Writing = {}): void {
  const target = existsSync(path) ? realpathSync(path) : path;
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  try {
    writeAndFlush(temporary, text, mode);
    if (replace === true) putInPlace(temporary, target);
    else putAnew(temporary, target);
  } finally {
    removeLeftover(temporary);
  }
  flushDirectory(dirname(target));
}

/** Removes what an attempt left; quiet where there is nothing, not even the directory. */
export function removeLeftover(path: string): void {
  if (existsSync(path)) rmSync(path, { recursive: true });
}

/** Makes the entries of a directory durable. */
export function flushDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function writeAndFlush(path: string, text: string, mode: number | undefined): void {
  const file = openSync(path, 'wx', mode ?? 0o666);
  try {
    if (mode !== undefined) fchmodSync(file, mode);
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function putInPlace(temporary: string, target: string): void {
  if (existsSync(target)) chmodSync(temporary, statSync(target).mode & 0o7777);
  renameSync(temporary, target);
}

/** A link fails where the name is taken, which a rename would not; some file systems have none. */
function putAnew(temporary: string, target: string): void {
  try {
    linkSync(temporary, target);
  } catch (error) {
    const isTaken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    if (isTaken || existsSync(target)) throw error;
    renameSync(temporary, target);
  }
}
