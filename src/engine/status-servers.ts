/**
 * How the servers of the pool stand, as far as this one knows: a leader knows all of them, a
 * follower its own row (FIG. 5: the other cells are X), of the others their allocations.
 */
import { takesPart } from './ledger/members.ts';
import type { RlfServer } from './license/types.ts';
import type { Pool } from './pool/pool.ts';
import { programOf } from './pool/upgrade.ts';
import type { Row } from './row.ts';

export function serverDocument(
  pool: Pool,
  server: RlfServer,
  priority: number | null,
): Record<string, unknown> {
  const { name, address, fingerprint: id } = server;
  const program = programOf(pool, server);
  const own = id === pool.server ? pool.state.rlf.sequence : null;
  const told = pool.leads && pool.isUp(id) ? pool.picture.peer(id).rlf || null : null;
  return {
    name,
    address,
    role: roleOf(pool, id),
    state: stateOf(pool, id),
    priority,
    rlfSequence: own ?? told,
    version: program?.version ?? null,
    protocol: program?.protocol ?? null,
    format: program?.format ?? null,
    ...(priority === null ? { leaving: true } : {}),
  };
}

function roleOf(pool: Pool, id: string): string {
  if (id === pool.leader) return 'leader';
  const { servers, configuration } = pool.state;
  const isJoining = servers.get(id) === undefined || !configuration.voters.includes(id);
  if (id !== pool.server) return isJoining ? 'joining' : 'follower';
  if (pool.standing.detached) return 'detached';
  if (pool.leader !== null || !takesPart(id, configuration)) {
    return isJoining ? 'joining' : 'follower';
  }
  return pool.standing.everLed ? 'candidate' : 'leader-designate';
}

/** A fenced server is `opened` once all of its row may be lent. */
function stateOf(pool: Pool, id: string): string {
  const { servers, accounts } = pool.state;
  if (servers.isFenced(id)) {
    return [...accounts.values()].every((one) => servers.isOpened(id, one)) ? 'opened' : 'fenced';
  }
  return pool.isUp(id) ? 'up' : 'down';
}

export interface Cell {
  readonly server: string;
  readonly allocated: number;
  readonly inUse: number | null;
  readonly available: number | null;
  /** Seats that could be lent to another server now. */
  readonly lendable: number | null;
  readonly waiting: number | null;
  /** Seats that a rollout is still to bring here or, below zero, to take away as they are free. */
  readonly due: number;
}

/** One server's row of one license. */
export function cellOf(pool: Pool, row: Row, server: RlfServer): Cell {
  const due = row.accounts.redistribution.due.get(server.fingerprint) ?? 0;
  return { ...countsOf(pool, row, server), due };
}

function countsOf(
  pool: Pool,
  row: Row,
  { name: server, fingerprint: id }: RlfServer,
): Omit<Cell, 'due'> {
  const allocated = row.accounts.rows.get(id) ?? 0;
  if (id === pool.server) {
    const { inUse, line } = row;
    const available = Math.max(0, row.available);
    return { server, allocated, inUse, available, lendable: available, waiting: line.length };
  }
  if (!pool.leads) {
    return { server, allocated, inUse: null, available: null, lendable: null, waiting: null };
  }
  const { ackedAt, usage: known } = pool.picture.peer(id);
  const usage = pool.isUp(id) && ackedAt !== null ? known.get(row.id) : undefined;
  if (usage !== undefined) {
    const { inUse, waiting } = usage;
    const available = Math.max(0, usage.available);
    return { server, allocated, inUse, available, lendable: available, waiting };
  }
  // FIG. 9: a server that is down shows nothing in use and all of its row as available.
  const lendable = pool.state.isOpened(id, row.accounts) ? allocated : 0;
  return { server, allocated, inUse: 0, available: allocated, lendable, waiting: 0 };
}
