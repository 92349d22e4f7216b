/**
 * Names the machine, its start and the namespaces in it whose boot-time clock this process reads: a
 * time on that clock means something only to who has the same name.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';

let shared: string | null | undefined;

/** Null where this can't be told; then no other process is told a time. */
export function machineName(): string | null {
  if (shared === undefined) shared = readName();
  return shared;
}

function readName(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // Containers may have boot-time clocks of their own.
    const namespaces = ['pid', 'time'].map((one) => linkOf(`/proc/self/ns/${one}`));
    const parts = JSON.stringify([boot, ...namespaces]);
    return createHash('sha256').update(parts).digest('base64url').slice(0, 22);
  } catch {
    return null;
  }
}

/** Kernels before 5.6 have no time namespaces. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
