/** What a server asks of an RLF before it serves under it, and says about it. */
import { LmError } from '../engine/errors.ts';
import type { Rlf, RlfServer } from '../engine/license/types.ts';
import type { Log } from './log.ts';

/** This server in a list of servers. Throws LmError `config` where it is not in there. */
export function ownPlace(servers: readonly RlfServer[], fingerprint: string): RlfServer {
  const self = servers.find((server) => server.fingerprint === fingerprint);
  if (self !== undefined) return self;
  throw new LmError(
    'config',
    'The RLF does not name the TLS key of this data directory.',
    `Put this fingerprint into its [[server]] table and sign it: ${fingerprint}`,
    { fingerprint },
  );
}

/** Of an even number of servers one does nothing for what the pool survives (DESIGN, its head). */
export function warnOfSize({ servers }: Rlf, log: Log): void {
  const survives = SURVIVES.get(servers.length);
  if (survives === undefined) return;
  log('warn', `a pool of ${servers.length} servers ${survives}`, { servers: servers.length });
}

const SURVIVES: ReadonlyMap<number, string> = new Map([
  [2, 'survives the loss of none; one of 3 survives the loss of one'],
  [4, 'survives the loss of one, like one of 3; one of 5 survives the loss of two'],
]);
