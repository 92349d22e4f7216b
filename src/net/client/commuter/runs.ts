/**
 * Who runs on a commuted seat: each leaves a note in a folder beside the seat's file before it
 * looks whether the seat is valid. Whoever gives the seat back disables it first, and then waits
 * until nobody is left: so nobody begins unseen.
 */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { LmError } from '../../../engine/errors.ts';
import type { Scheduler } from '../scheduler.ts';
import { unusable } from './file.ts';

/** A process, by what no other one on this machine has. */
interface Process {
  readonly pid: number;
  /** In ticks since the machine started. */
  readonly start: string;
}

interface Note {
  /** The start of the machine, and where the numbers of processes mean something. */
  readonly boot: string;
  readonly space: string;
  /** Who watches over the seat, and what it started. */
  readonly holder: Process;
  readonly command: Process | null;
  readonly graceMs: number;
}

const LOOK_MS = 100;
/** How soon a holder notices, and how long it may take to end after its grace. */
const LATE_MS_MAX = 15_000;

export class Run {
  readonly #path: string;
  readonly #folder: string;

  /** Leaves the note. @throws LmError `config`. */
  constructor(file: string) {
    this.#folder = runsPath(file);
    const name = `${process.pid}-${Math.random().toString(36).slice(2)}`;
    this.#path = join(this.#folder, name);
    this.#write(null, 0);
  }

  /** It started a command. */
  started(pid: number, graceMs: number): void {
    this.#write(processOf(pid), graceMs);
  }

  end(): void {
    rmSync(this.#path, { force: true });
    removeEmpty(this.#folder);
  }

  #write(command: Process | null, graceMs: number): void {
    const holder = processOf(process.pid) ?? { pid: process.pid, start: '' };
    const note: Note = { ...placeHere(), holder, command, graceMs };
    try {
      makeFolder(this.#folder);
      // Others have to see it, and no start of the machine survives it: nothing is flushed.
      const begun = join(this.#folder, `.${basename(this.#path)}`);
      writeFileSync(begun, `${JSON.stringify(note)}\n`, { mode: 0o600 });
      renameSync(begun, this.#path);
    } catch (error) {
      throw unusable(this.#folder, 'written', error);
    }
  }
}

/** Where those who run on a seat leave their notes. */
export function runsPath(file: string): string {
  return `${file}.runs`;
}

/**
 * Returns once nobody runs on a seat that was disabled. Holders end what they started by
 * themselves; what a holder left behind that was killed is ended here.
 *
 * @throws LmError `busy` where somebody does not end.
 */
export async function untilNobodyRuns(file: string, scheduler: Scheduler): Promise<void> {
  const folder = runsPath(file);
  const begun = scheduler.clock();
  const asked = new Set<string>();
  for (;;) {
    const running = notesIn(folder).filter(({ path, note }) => {
      if (runs(note)) return true;
      rmSync(path, { force: true });
      return false;
    });
    if (running.length === 0) break;
    const passed = scheduler.clock() - begun;
    for (const { path, note } of running) endOrphan(note, { path, asked, passed });
    if (passed > LATE_MS_MAX + Math.max(...running.map(({ note }) => note?.graceMs ?? 0))) {
      throw stillRunning(folder, running);
    }
    await scheduler.sleep(LOOK_MS);
  }
  removeEmpty(folder);
}

interface Found {
  readonly path: string;
  /** Null where it can't be read: somebody may run all the same. */
  readonly note: Note | null;
}

function notesIn(folder: string): Found[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  const found = names.map((name) => ({ name, path: join(folder, name) }));
  // What begins with a dot is half a note, of somebody who then looks at the phase, or a whole one
  // of somebody who was killed.
  return found
    .map(({ name, path }) => ({ name, path, note: noteAt(path) }))
    .filter(({ name, note }) => note !== null || !name.startsWith('.'));
}

function noteAt(path: string): Note | null {
  try {
    const note = JSON.parse(readFileSync(path, 'utf8')) as Note;
    const isWhole = isProcess(note.holder) && (note.command === null || isProcess(note.command));
    return isWhole && Number.isFinite(note.graceMs) ? note : null;
  } catch {
    return null;
  }
}

function isProcess(value: Process | undefined): boolean {
  return Number.isSafeInteger(value?.pid) && typeof value?.start === 'string';
}

function runs(note: Note | null): boolean {
  if (note === null) return true;
  const here = placeHere();
  if (note.boot !== here.boot) return false;
  // Processes of another container can't be seen from here.
  if (note.space !== here.space) return true;
  return lives(note.holder) || lives(note.command);
}

function endOrphan(
  note: Note | null,
  { path, asked, passed }: { path: string; asked: Set<string>; passed: number },
): void {
  if (note === null || note.space !== placeHere().space || lives(note.holder)) return;
  const { command } = note;
  if (command === null || !lives(command)) return;
  if (!asked.has(path)) send(command.pid, 'SIGTERM');
  else if (passed > note.graceMs) send(command.pid, 'SIGKILL');
  asked.add(path);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
    // A stopped one would never hear of it.
    process.kill(pid, 'SIGCONT');
  } catch {
    // It ended meanwhile, or is another user's: then it is told as still running.
  }
}

function lives(of: Process | null): boolean {
  return of !== null && processOf(of.pid)?.start === of.start;
}

/** Null where there is none of this number, or it has ended. */
function processOf(pid: number): Process | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold anything; the fields begin behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state] = fields;
    return state === 'Z' || state === 'X' ? null : { pid, start: fields[19] ?? '' };
  } catch {
    return null;
  }
}

function placeHere(): Pick<Note, 'boot' | 'space'> {
  return { boot: textAt('/proc/sys/kernel/random/boot_id'), space: linkAt('/proc/self/ns/pid') };
}

function textAt(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return '';
  }
}

function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

/** Others may have left a note meanwhile. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It is not empty, or was never there.
  }
}

function stillRunning(folder: string, running: readonly Found[]): LmError {
  const pids = running.flatMap(({ note }) => note?.command?.pid ?? note?.holder.pid ?? []);
  const who = pids.length === 0 ? 'Somebody still runs' : `Processes ${pids.join(', ')} still run`;
  return new LmError(
    'busy',
    `${who} on the seat, which is disabled.`,
    `End them, and run the command again; ${folder} has a note of each.`,
    { pids },
  );
}
