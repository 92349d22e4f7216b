/** The servers of a new pool as they are typed: `[SERVER=]HOST[:PORT]`. */
import { LmError } from '../../engine/errors.ts';
import { formatAddress, parseAddress } from '../../engine/license/address.ts';
import { nameProblem } from '../../engine/license/names.ts';
import { SERVERS_MAX } from '../../engine/limits.ts';
import { checkedText } from './text-flag.ts';

export interface NamedAddress {
  readonly name: string;
  /** HOST:PORT. */
  readonly address: string;
}

/** Throws `usage`. Servers without a name get the first letters that no other has. */
export function parseServers(texts: readonly string[]): NamedAddress[] {
  if (texts.length > SERVERS_MAX) {
    const message = `A pool has at most ${SERVERS_MAX} servers, and these are ${texts.length}.`;
    throw new LmError('usage', message, 'Three to five survive what usually happens.');
  }
  const parts = texts.map((text) => /^(?:([^=]*)=)?(.*)$/s.exec(text) ?? []);
  const taken = new Set(parts.flatMap(([, name]) => (name === undefined ? [] : [name])));
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].filter((letter) => !taken.has(letter));
  const servers = parts.map(([, name, address = '']) => ({
    name: name === undefined ? (letters.shift() ?? '') : checkedText(name, nameProblem),
    address: formatAddress(parseAddress(address)),
  }));
  for (const field of ['name', 'address'] as const) {
    const values = servers.map((server) => server[field].toLowerCase());
    const twin = values.find((value, i) => values.indexOf(value) !== i);
    if (twin === undefined) continue;
    const hint = 'Servers on one host need ports of their own.';
    throw new LmError('usage', `Two servers have the ${field} ${twin}.`, hint);
  }
  return servers;
}

/** What a pool of this size does not survive, where that is less than one might think. */
export function survivalWarning(count: number): string | null {
  if (count % 2 === 1) return null;
  const survives = count / 2 - 1;
  const may = survives === 0 ? 'no server may fail' : `only ${survives} of its servers may fail`;
  const less = `no more than with ${count - 1}`;
  return `Warning: in a pool of ${count} ${may} (${less}), for a majority has to be up.`;
}
