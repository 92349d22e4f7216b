/** What a directory must be for a server to trust it with what it remembers. */
import { closeSync, fsyncSync, openSync, type Stats, statfsSync, statSync } from 'node:fs';
import { LmError } from '../errors.ts';
import { asDiskError } from './disk-error.ts';

/**
 * `f_type` of statfs(2): file systems whose locks, maps or flushes are not those of a local disk.
 */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x564c, 'NCP'],
  [0x01021997, '9P'],
  [0x65735546, 'FUSE'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0x786f4256, 'VirtualBox shared folders'],
  [0xbacbacbc, 'VMware shared folders'],
]);

/** The name of a network file system by its `f_type`, or null for a local one. */
export function networkFileSystem(type: number): string | null {
  return NETWORK_FILE_SYSTEMS.get(type >>> 0) ?? null;
}

/** Refuses a directory on a network file system: two servers could each believe they own it. */
export function requireLocalDisk(
  directory: string,
  statfs: (path: string) => { readonly type: number } = statfsSync,
): void {
  const kind = networkFileSystem(statfs(directory).type);
  if (kind === null) return;
  throw new LmError(
    'config',
    `${directory} is on a network file system (${kind}).`,
    'Choose a directory on a local disk: every server needs one of its own.',
    { directory, fileSystem: kind },
  );
}

/** Refuses a directory that other users can read or write: it holds the server's private key. */
export function requirePrivate(directory: string, { mode }: Stats): void {
  if ((mode & 0o077) === 0) return;
  throw new LmError(
    'config',
    `Other users can reach ${directory} (mode ${(mode & 0o777).toString(8).padStart(4, '0')}).`,
    `It holds the server's private key: run chmod 700 ${directory}.`,
    { directory },
  );
}

/** The directory's status, or null where nothing is there. */
export function directoryStatus(directory: string): Stats | null {
  try {
    const stats = statSync(directory);
    if (stats.isDirectory()) return stats;
    throw new LmError('config', `${directory} is not a directory.`, 'Check the path.');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw asDiskError(error, 'open', directory);
  }
}

/** Makes the names in a directory durable, as a flush does for the bytes of a file. */
export function flushDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
