/** The majority rule in numbers: part of the status, and of every denial. */
import { majority } from '../raft/membership.ts';
import type { Pool } from './pool.ts';

export interface Contact {
  /** Servers that must be in contact for any of them to issue. */
  readonly needed: number;
  /** Servers that count. */
  readonly servers: number;
  /** Names of those that are up as far as this server knows, itself included, in list order. */
  readonly up: readonly string[];
}

export function contactOf(pool: Pool): Contact {
  const { configuration, members } = pool.state;
  const { voters } = configuration;
  const up = members.all.filter(({ fingerprint: id }) => voters.includes(id) && pool.isUp(id));
  const names = up.map(({ name }) => name);
  return { needed: majority(configuration), servers: voters.length, up: names };
}
