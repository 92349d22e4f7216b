/** Starts the command of `lm exec` as if lm were not there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { LmError } from '../../engine/errors.ts';
import { printable } from './printable.ts';
import { openFilesLimit } from './process-facts.ts';

/** The command can't be run: 127 where there is none of that name, else 126, as shells say it. */
export class NotRunnable extends Error {
  readonly exitCode: 126 | 127;

  constructor(command: string, reason: string, exitCode: 126 | 127) {
    super(`${printable(command)}: ${reason}`);
    this.exitCode = exitCode;
  }
}

/** @throws NotRunnable, before a seat is asked for; LmError `usage` where there is no command. */
export function checkRunnable(command: string | undefined): void {
  if (command === undefined) {
    const hint = 'Put it behind "--": lm exec --app APPLICATION -- COMMAND [ARG...].';
    throw new LmError('usage', 'There is no command to run.', hint);
  }
  if (command.includes('/')) {
    if (runnable(command)) return;
    throw exists(command) ? notExecutable(command) : notFound(command);
  }
  if (command !== '' && onPath(command) !== null) return;
  const there = searchPath().some((folder) => exists(join(folder, command)));
  throw there && command !== '' ? notExecutable(command) : notFound(command);
}

export function launch(command: readonly string[], inherited: Inherited): ChildProcess {
  const [file = '', ...args] = [...prefix(inherited.ignored), ...command];
  return spawn(file, args, { stdio: stdioOf(inherited.descriptors) });
}

/** What this process was started with, and the command is to have. */
export interface Inherited {
  readonly ignored: ReadonlySet<string>;
  /** Above 2. */
  readonly descriptors: readonly number[];
}

export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
}

/** How the command ended. @throws NotRunnable where it could not be started. */
export function ended(child: ChildProcess, command: string): Promise<Ending> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', (error) => {
      const code = 'code' in error ? String(error.code) : error.message;
      reject(code === 'ENOENT' ? notFound(command) : new NotRunnable(command, code, 126));
    });
  });
}

/**
 * Programs that put right, before they turn into the command, what the runtime changes for its
 * children: it resets ignored signals, and raises the limit on open files.
 */
function prefix(ignored: ReadonlySet<string>): string[] {
  const parts: string[] = [];
  if (ignored.size > 0 && onPath('env') !== null) {
    const names = [...ignored].map((name) => name.slice('SIG'.length));
    parts.push('env', `--ignore-signal=${names.join(',')}`, '--');
  }
  const limit = openFilesLimit();
  if (limit !== null && onPath('prlimit') !== null)
    parts.push('prlimit', `--nofile=${limit}:`, '--');
  return parts;
}

function stdioOf(descriptors: readonly number[]): ('inherit' | 'ignore' | number)[] {
  const stdio: ('inherit' | 'ignore' | number)[] = ['inherit', 'inherit', 'inherit'];
  for (const fd of descriptors) {
    while (stdio.length < fd) stdio.push('ignore');
    stdio.push(fd);
  }
  return stdio;
}

function onPath(name: string): string | null {
  return (
    searchPath()
      .map((folder) => join(folder, name))
      .find(runnable) ?? null
  );
}

function searchPath(): string[] {
  return (process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin')
    .split(':')
    .map((path) => path || '.');
}

function runnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function notFound(command: string): NotRunnable {
  return new NotRunnable(command, 'command not found', 127);
}

function notExecutable(command: string): NotRunnable {
  return new NotRunnable(command, 'not executable', 126);
}
