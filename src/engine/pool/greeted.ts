import type { Outbox } from '../effects.ts';
import type { PeerGreeting } from '../peer-messages.ts';
import type { ServerId } from '../raft/types.ts';
import { rolledBack } from './peer-memory.ts';
import type { Pool } from './pool.ts';

/**
 * Whether a server that greets is heard: it shows as much as it did before, or is told to end, and
 * is of this epoch.
 *
 * @throws LmError `config` where the pool there has a format that is not understood here: this
 * server ends. It was away when the format was raised, or is about to be taken in.
 */
export function isHeard(
  pool: Pool,
  outbox: Outbox,
  { server, greeting }: { readonly server: ServerId; readonly greeting: PeerGreeting },
): boolean {
  if (!pool.memory.greeted(server, greeting)) {
    const name = pool.nameOf(server);
    outbox.note('warn', 'a server came back with an older disk, and is refused', { server: name });
    outbox.tell(server, rolledBack(name, greeting.boot));
    return false;
  }
  if (!pool.epochs.greeted(server, greeting)) return false;
  pool.state.format.require(greeting.format ?? 1);
  return true;
}
