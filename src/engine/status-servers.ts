/**
 * How the servers of the pool stand, as far as this one knows: a leader knows all of them, a
 * follower its own row (FIG. 5: the other cells are X), of the others their allocations.
 */
import { takesPart } from './ledger/members.ts';
import type { RlfServer } from './license/types.ts';
import type { Pool } from './pool/pool.ts';
import type { Row } from './row.ts';

export function serverDocument(
  pool: Pool,
  { name, address, fingerprint: id }: RlfServer,
  priority: number | null,
): Record<string, unknown> {
  const known = id === pool.server || pool.leads;
  return {
    name,
    address,
    role: roleOf(pool, id),
    state: stateOf(pool, id),
    priority,
    rlfSequence: known && pool.isUp(id) ? pool.state.rlf.sequence : null,
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
}

/** One server's row of one license. */
export function cellOf(pool: Pool, row: Row, { name: server, fingerprint: id }: RlfServer): Cell {
  const allocated = row.accounts.rows.get(id) ?? 0;
  if (id === pool.server) {
    const { inUse, available, line } = row;
    return { server, allocated, inUse, available, lendable: available, waiting: line.length };
  }
  if (!pool.leads) {
    return { server, allocated, inUse: null, available: null, lendable: null, waiting: null };
  }
  const usage = pool.isUp(id) ? (pool.picture.usage(id)?.get(row.id) ?? null) : null;
  if (usage !== null) {
    const { inUse, available, waiting } = usage;
    return { server, allocated, inUse, available, lendable: available, waiting };
  }
  // FIG. 9: a server that is down shows nothing in use and all of its row as available.
  const lendable = pool.state.isOpened(id, row.accounts) ? allocated : 0;
  return { server, allocated, inUse: 0, available: allocated, lendable, waiting: 0 };
}
