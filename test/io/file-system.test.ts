import { expect, test } from 'bun:test';
import { networkFileSystem, requireLocalDisk } from '../../src/engine/io/file-system.ts';
import { failure, scratchDirectory } from './scratch.ts';

test('network file systems are known by the numbers of statfs(2)', () => {
  expect(networkFileSystem(0x6969)).toBe('NFS');
  expect(networkFileSystem(0xff534d42)).toBe('CIFS');
  // The same number where f_type is a signed 32-bit integer.
  expect(networkFileSystem(0xff534d42 | 0)).toBe('CIFS');
  expect(networkFileSystem(0xfe534d42)).toBe('SMB');
  expect(networkFileSystem(0x01021997)).toBe('9P');
  expect(networkFileSystem(0x65735546)).toBe('FUSE');
});

test('local file systems pass: ext4, XFS, Btrfs, ZFS, F2FS, overlay, tmpfs', () => {
  const local = [0xef53, 0x58465342, 0x9123683e, 0x2fc12fc1, 0xf2f52010, 0x794c7630, 0x01021994];
  expect(local.map(networkFileSystem)).toEqual(local.map(() => null));
  const directory = scratchDirectory();
  expect(() => requireLocalDisk(directory)).not.toThrow();
});

test('a directory on one is refused by name', async () => {
  const directory = scratchDirectory();
  const error = await failure(() => requireLocalDisk(directory, () => ({ type: 0x6969 })));
  expect(error.code).toBe('config');
  expect(error.message).toBe(`${directory} is on a network file system (NFS).`);
  expect(error.hint).toContain('local disk');
});
