/** The servers of a pool, as RLFs and cards list them, in leader-priority order. */
import { addressProblem } from './address.ts';
import { badData, type Fields } from './fields.ts';
import { fingerprintProblem, nameProblem, quoted } from './names.ts';
import type { RlfServer } from './types.ts';

export function serverOf(fields: Fields): RlfServer {
  const server = {
    name: fields.text('name', nameProblem),
    address: fields.text('address', (text) => addressProblem(text)),
    fingerprint: fields.text('fingerprint', fingerprintProblem),
  };
  fields.end();
  return server;
}

/** No two servers share a name, an address or a key: each would be taken for the other. */
export function refuseTwins(servers: readonly RlfServer[]): void {
  for (const field of ['name', 'address', 'fingerprint'] as const) {
    const seen = new Map<string, string>();
    for (const server of servers) {
      const value = server[field].toLowerCase();
      const twin = seen.get(value);
      if (twin !== undefined) {
        const who = `The servers ${quoted(twin)} and ${quoted(server.name)}`;
        throw badData(`${who} have the same ${field}, ${quoted(server[field])}.`, HINT);
      }
      seen.set(value, server.name);
    }
  }
}

const HINT = 'Give each server a name, an address and a key of its own.';
