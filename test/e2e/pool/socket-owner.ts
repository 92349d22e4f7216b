/**
 * Which process a loopback connection comes from. The kernel's tables tell it, as they tell `ss -p`:
 * so one proxy before a server knows which other server dials through it, without any privilege.
 * Who is asked for at the same time is looked for together: eleven servers dial each other at once.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Ports of a connection; the first is that of who opened it. */
interface Ports {
  readonly from: number;
  readonly to: number;
}

interface Question {
  readonly ports: Ports;
  readonly answer: (pid: number | null | undefined) => void;
}

export class SocketOwners {
  /** The processes that may be the owner. */
  readonly #pids: () => Iterable<number>;
  #questions: Question[] = [];

  constructor(pids: () => Iterable<number>) {
    this.#pids = pids;
  }

  /**
   * The process that opened a connection; null for another one than these, undefined where the
   * tables, which change while they are read, do not show the connection.
   */
  ownerOf(ports: Ports): Promise<number | null | undefined> {
    if (this.#questions.length === 0) setImmediate(() => this.#answer());
    return new Promise((answer) => this.#questions.push({ ports, answer }));
  }

  #answer(): void {
    const questions = this.#questions;
    this.#questions = [];
    const inodes = inodesByPorts();
    const owners = new Map<string, number>();
    for (const pid of this.#pids()) for (const link of linksOf(pid)) owners.set(link, pid);
    for (const { ports, answer } of questions) {
      const inode = inodes.get(`${ports.from}>${ports.to}`);
      answer(inode === undefined ? undefined : (owners.get(`socket:[${inode}]`) ?? null));
    }
  }
}

/** Of all sockets that some process has. */
function inodesByPorts(): Map<string, string> {
  const inodes = new Map<string, string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const row of readFileSync(table, 'latin1').split('\n').slice(1)) {
      const [, local, remote, , , , , , , inode] = row.trim().split(/ +/);
      if (inode === undefined || inode === '0') continue;
      inodes.set(`${portOf(local)}>${portOf(remote)}`, inode);
    }
  }
  return inodes;
}

/** Of an address as the tables have it: hexadecimal, behind the last colon. */
function portOf(address = ''): number {
  return Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16);
}

function linksOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).map((fd) => linkAt(`${folder}/${fd}`));
  } catch {
    // It ended.
    return [];
  }
}

function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
