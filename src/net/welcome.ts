/** Greets who connects: agrees on a protocol version, and hands over the pool's server list. */
import { LmError } from '../engine/errors.ts';
import type { LedgerState } from '../engine/ledger/state.ts';
import { commonProtocol } from './common-protocol.ts';
import {
  type GreetingFields,
  type Hello,
  MessageType,
  type ServerFields,
  type Welcome,
} from './protocol.ts';

/**
 * A server of the pool is greeted by this one's `greeting`, a client is not.
 *
 * @throws LmError `protocol` for no common version, `untrusted` for another pool.
 */
export function welcomeTo(
  hello: Hello,
  server: string,
  state: LedgerState,
  greeting: GreetingFields | null = null,
): Welcome {
  const [, sequence, , , , pool] = hello;
  const { rlf, epoch } = state;
  const protocol = commonProtocol(hello, server);
  if (pool !== null && pool !== rlf.pool) {
    throw new LmError(
      'untrusted',
      `This server belongs to pool ${rlf.pool}, not to ${pool}.`,
      'Check the pool card and the address.',
      { pool: rlf.pool },
    );
  }
  const servers = rlf.servers.map(
    ({ name, address, fingerprint }): ServerFields => [name, address, fingerprint],
  );
  const { sequence: rlfSequence, digest } = rlf;
  const { welcome } = MessageType;
  const inForce = [rlf.pool, server, rlfSequence, digest, epoch, servers] as const;
  const message: Welcome = [welcome, sequence, protocol, ...inForce];
  if (greeting !== null) message.push(greeting);
  return message;
}
