/** Which RLF may follow the one in force: one pool, one line of admin keys, a higher sequence. */
import { LmError } from '../errors.ts';
import { readRlf, requireAdmin } from '../license/rlf.ts';
import type { Rlf } from '../license/types.ts';
import type { Configuration } from '../raft/types.ts';

/**
 * Whether an RLF offered is newer than the one in force (true), or not (false).
 *
 * @throws LmError `bad-data` for another pool's, or other content under the same sequence;
 * `untrusted` where the pool's admin key neither signed it nor passed its right on.
 */
export function supersedes(offered: Rlf, current: Rlf): boolean {
  requireSamePool(offered, current);
  if (offered.sequence === current.sequence && offered.digest !== current.digest) {
    throw new LmError(
      'bad-data',
      `The RLF in force has sequence ${current.sequence} too, and other content: its digest is ` +
        `${current.digest}, that of the one offered ${offered.digest}.`,
      'Sign the new content under a higher sequence: lm rlf sign --bump.',
      { sequence: current.sequence, inForce: current.digest, offered: offered.digest },
    );
  }
  return offered.sequence > current.sequence;
}

/**
 * Of the servers that vote now an RLF keeps one: those that join could trust nobody who is there.
 *
 * @throws LmError `config` where it keeps none.
 */
export function requireKept({ servers }: Rlf, { voters }: Configuration): void {
  if (servers.some(({ fingerprint }) => voters.includes(fingerprint))) return;
  throw new LmError(
    'config',
    'The RLF offered keeps none of the servers that are in the pool now.',
    'Keep at least one until the new ones have joined, and drop it with the next RLF.',
  );
}

/** @throws LmError `bad-data` or `untrusted`, as `supersedes`. */
export function requireSamePool(offered: Rlf, current: Rlf): void {
  if (offered.pool !== current.pool) {
    throw new LmError(
      'bad-data',
      `The RLF offered is for pool ${offered.pool}; this server belongs to pool ${current.pool}.`,
      'Offer the RLF of this pool.',
    );
  }
  requireAdmin(offered, current.admin);
}

/**
 * The RLF of an entry, or null where it may not follow the one in force. It could when it was
 * entered; of two at once the second may not, say where the first one hands over the admin key.
 */
export function successor(text: string, { rlf: current, configuration }: Current): Rlf | null {
  try {
    const rlf = readRlf(text);
    if (!supersedes(rlf, current)) return null;
    requireKept(rlf, configuration);
    return rlf;
  } catch (error) {
    if (error instanceof LmError) return null;
    throw error;
  }
}

interface Current {
  readonly rlf: Rlf;
  readonly configuration: Configuration;
}
