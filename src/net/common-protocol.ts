/** Which protocol two sides speak: the highest that both know. */
import { LmError } from '../engine/errors.ts';
import { type Hello, PROTOCOL_MAX, PROTOCOL_MIN } from './protocol.ts';

/** @throws LmError `protocol`, which says whose lm is older; `server` is this one's name. */
export function commonProtocol(hello: Hello, server: string): number {
  const [, , min, max, role, , , , [user]] = hello;
  const highest = Math.min(max, PROTOCOL_MAX);
  if (highest >= Math.max(min, PROTOCOL_MIN)) return highest;
  // A server says its name there.
  const other = role === 'peer' ? `server ${user}` : 'the client';
  const older = max < PROTOCOL_MIN ? other : `server ${server}`;
  throw new LmError(
    'protocol',
    `The two have no protocol in common: ${other} speaks ${range(min, max)}, ` +
      `server ${server} ${range(PROTOCOL_MIN, PROTOCOL_MAX)}. The older one is ${older}.`,
    `Update lm of ${older}.`,
    { min: PROTOCOL_MIN, max: PROTOCOL_MAX },
  );
}

function range(min: number, max: number): string {
  return min === max ? `${min}` : `${min} to ${max}`;
}
