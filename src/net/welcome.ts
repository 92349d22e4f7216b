/** Greets who connects: agrees on a protocol version, and hands over the pool's server list. */
import { LmError } from '../engine/errors.ts';
import type { LedgerState } from '../engine/ledger/state.ts';
import {
  type GreetingFields,
  type Hello,
  MessageType,
  PROTOCOL_MAX,
  PROTOCOL_MIN,
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
  const [, sequence, min, max, , pool] = hello;
  const { rlf, epoch } = state;
  const version = Math.min(max, PROTOCOL_MAX);
  if (version < Math.max(min, PROTOCOL_MIN)) {
    throw new LmError(
      'protocol',
      `The client speaks protocol ${min} to ${max}, this server ${OWN_PROTOCOL}.`,
      'Bring both to versions of lm that have one in common.',
      { min: PROTOCOL_MIN, max: PROTOCOL_MAX },
    );
  }
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
  const message: Welcome = [welcome, sequence, version, ...inForce];
  if (greeting !== null) message.push(greeting);
  return message;
}

const OWN_PROTOCOL = `${PROTOCOL_MIN} to ${PROTOCOL_MAX}`;
