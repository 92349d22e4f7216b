/** The licenses in an RLF: verified codes, and distributions that fit them. */
import { SEATS_MAX } from '../limits.ts';
import { readCode } from './code.ts';
import { licensesOf } from './distribution.ts';
import { badData, type Fields } from './fields.ts';
import { quoted } from './names.ts';
import type { RlfLicense, RlfServer, RlfVendor } from './types.ts';

/** A vendor that changes its key has a `[[vendor]]` table for each. */
export function keysByVendor(vendors: readonly RlfVendor[]): Map<string, readonly string[]> {
  const keys = new Map<string, readonly string[]>();
  for (const { name, key } of vendors) keys.set(name, [...(keys.get(name) ?? []), key]);
  return keys;
}

/** Reads the `[[license]]` tables, each code verified by its vendor's key. Throws `bad-data`. */
export function licensesIn(tables: readonly Fields[], vendors: readonly RlfVendor[]): RlfLicense[] {
  const keys = keysByVendor(vendors);
  return tables.map((table) => {
    const token = table.text('code', () => null);
    const code = readCode(token, (vendor) => {
      const key = keys.get(vendor);
      if (key !== undefined) return key;
      const hint = 'Add a [[vendor]] table with its name and key, or use `lm rlf add`.';
      throw badData(`${table.where} is of vendor ${quoted(vendor)}, which has no key here.`, hint);
    });
    const distribution = table.has('distribution') ? seatsOf(table.table('distribution')) : null;
    table.end();
    return { code, distribution };
  });
}

function seatsOf(table: Fields): Map<string, number> {
  const range = { min: 0, max: SEATS_MAX };
  return new Map(table.names().map((server) => [server, table.integer(server, range)]));
}

export interface Surroundings {
  readonly servers: readonly RlfServer[];
  /** Thumbprints of the admin key and its ancestors: whose codes may stand here. */
  readonly customers: readonly string[];
}

/** Throws `bad-data` for codes that contradict each other or the rest of their RLF. */
export function refuseContradictions(
  licenses: readonly RlfLicense[],
  { servers, customers }: Surroundings,
): void {
  const known = new Set(servers.map(({ name }) => name));
  const ids = new Set<string>();
  for (const { code, distribution } of licenses) {
    const what = `The license code ${code.id} (${code.vendor}, ${code.application})`;
    if (ids.has(code.id)) throw badData(`${what} is in the RLF twice.`, 'Drop one of the two.');
    ids.add(code.id);
    if (code.customer !== null && !customers.includes(code.customer)) {
      const hint = `It was made for ${code.customer}; this admin is ${customers[0]}.`;
      throw badData(`${what} was made for another customer.`, hint);
    }
    if (distribution !== null) refuseDistribution(what, { limit: code.limit, distribution, known });
  }
  for (const { vendor, application, version, hardLimit } of licensesOf({ licenses })) {
    if (hardLimit <= SEATS_MAX) continue;
    const what = `The codes of ${vendor} for ${application} ${version}`;
    throw badData(`${what} add up to ${hardLimit} seats, more than ${SEATS_MAX}.`);
  }
}

function refuseDistribution(
  what: string,
  of: { limit: number; distribution: ReadonlyMap<string, number>; known: ReadonlySet<string> },
): void {
  let sum = 0;
  for (const [server, seats] of of.distribution) {
    if (!of.known.has(server)) {
      const hint = 'Name servers of the [[server]] tables only.';
      throw badData(`${what} gives seats to ${quoted(server)}, which is no server here.`, hint);
    }
    sum += seats;
  }
  if (sum <= of.limit) return;
  const hint = 'Give the servers no more than the limit; what is left goes to the free pool.';
  throw badData(`${what} gives the servers ${sum} seats of ${of.limit}.`, hint);
}
