/**
 * What lm has to know about itself, as Linux tells it in /proc, to be invisible around a command.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';

/** Signals that this process was started to ignore, as by nohup or a shell's `&`. */
export function ignoredSignals(): ReadonlySet<string> {
  const mask = BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)$/m.exec(proc('self/status'))?.[1] ?? '0'}`);
  const names = Object.entries(constants.signals)
    .filter(([, number]) => (mask >> BigInt(number - 1)) & 1n)
    .map(([name]) => name);
  // These two the runtime ignores by itself.
  return new Set(names.filter((name) => name !== 'SIGPIPE' && name !== 'SIGXFSZ'));
}

const DESCRIPTORS_MAX = 1_024;

/**
 * Descriptors above 2 that were inherited. The runtime marks them close-on-exec like its own, and
 * opens more as soon as standard output is looked at: so bin/lm.ts imports this file first of all.
 * What the runtime polls with is left out by kind.
 */
export const INHERITED_DESCRIPTORS: readonly number[] = listProc('self/fd')
  .map(Number)
  .filter((fd) => fd > 2 && fd < DESCRIPTORS_MAX && isFromOutside(fd))
  .sort((a, b) => a - b);

function isFromOutside(fd: number): boolean {
  try {
    return !readlinkSync(`/proc/self/fd/${fd}`).startsWith('anon_inode:');
  } catch {
    // The one by which the folder was listed is gone.
    return false;
  }
}

/** Whether a terminal sends its signals to this process group, and so to the command by itself. */
export function inForeground(): boolean {
  const stat = proc('self/stat');
  // The name in parentheses may hold anything; the numbers begin behind it.
  const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return terminal !== undefined && terminal !== '0' && group === foreground;
}

/**
 * The soft limit on open files that the command is to have, where it differs from this process's:
 * the runtime raises its own to the hard limit, and a command that closes all it might have open
 * would take long. The parent's is what this process was given, unless its hard limit differs.
 */
export function openFilesLimit(): number | null {
  const [soft, hard] = openFiles('self');
  const [parentSoft, parentHard] = openFiles(String(process.ppid));
  const raised = soft === hard && parentHard === hard && parentSoft !== soft;
  return raised && /^[0-9]+$/.test(parentSoft) ? Number(parentSoft) : null;
}

function openFiles(pid: string): readonly [soft: string, hard: string] {
  const [, soft = '', hard = ''] =
    /^Max open files\s+(\S+)\s+(\S+)/m.exec(proc(`${pid}/limits`)) ?? [];
  return [soft, hard];
}

/** Empty where there is nothing to be read: other systems do without. */
function proc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return '';
  }
}

function listProc(path: string): string[] {
  try {
    return readdirSync(`/proc/${path}`);
  } catch {
    return [];
  }
}
