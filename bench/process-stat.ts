/** What Linux tells of a process: time on the processor, memory, files it may open. */
import { readFileSync } from 'node:fs';
import { sum } from './figures.ts';

/** Of a clock tick, in which /proc counts: USER_HZ is 100 everywhere. */
const TICK_MS = 10;

/** User and system time of these processes together, so far. */
export function cpuMs(pids: readonly number[]): number {
  return sum(pids.map(cpuMsOf));
}

function cpuMsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name before it is in parentheses, and may hold anything. utime and stime: fields 14, 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** All that is resident, pages of files included. */
export function residentBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS');
}

/** Without the pages of files, which the system may take back. */
export function ownBytes(pid: number): number {
  return statusBytes(pid, 'RssAnon');
}

function statusBytes(pid: number, field: string): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [, kilobytes] = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text) ?? [];
  return Number(kilobytes) * 1_024;
}

/** How many files this process, and those that it starts, may have open. */
export function openFilesMax(): number {
  const text = readFileSync('/proc/self/limits', 'utf8');
  const [, soft = ''] = /^Max open files\s+(\S+)/m.exec(text) ?? [];
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}
