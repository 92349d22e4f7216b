/**
 * Which process a loopback connection comes from. The kernel's tables tell it, as they tell `ss -p`:
 * so one proxy before a server knows which other server dials through it, without any privilege.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Of these processes, the one that opened the connection from this port; null for another process,
 * undefined where the tables, which change while they are read, do not show the connection.
 */
export function ownerOf(
  { from, to }: { readonly from: number; readonly to: number },
  pids: Iterable<number>,
): number | null | undefined {
  const inode = inodeOf(from, to);
  if (inode === undefined) return undefined;
  const wanted = `socket:[${inode}]`;
  for (const pid of pids) if (hasOpen(pid, wanted)) return pid;
  return null;
}

/** The socket bound to port `from` and connected to port `to`. */
function inodeOf(from: number, to: number): string | undefined {
  const row = new RegExp(
    `^ *\\d+: [0-9A-F]+:${hex(from)} [0-9A-F]+:${hex(to)} [0-9A-F]{2} (?:\\S+ +){5}(\\d+)`,
    'm',
  );
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const [, inode] = row.exec(readFileSync(table, 'latin1')) ?? [];
    if (inode !== undefined && inode !== '0') return inode;
  }
  return undefined;
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}

function hasOpen(pid: number, wanted: string): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((fd) => linkAt(`${folder}/${fd}`) === wanted);
  } catch {
    // It ended.
    return false;
  }
}

function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
