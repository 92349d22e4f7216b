/** The redundant license file (RLF, FIG. 2): a TOML text, read exactly, every signature verified. */
import { createHash } from 'node:crypto';
import { LmError } from '../errors.ts';
import { ADMIN_CHAIN_MAX, LICENSES_MAX, SEATS_MAX, SERVERS_MAX } from '../limits.ts';
import { readAdminChain } from './admin-chain.ts';
import { readCode } from './code.ts';
import { licensesOf } from './distribution.ts';
import { badData, Fields } from './fields.ts';
import { publicKeyProblem, thumbprint } from './keys.ts';
import { nameProblem, quoted } from './names.ts';
import { refuseTwins, serverOf } from './server-list.ts';
import { canonicalText, signatureProblem, verifiesDocument } from './signed-document.ts';
import { parseToml } from './toml.ts';
import type { Rlf, RlfLicense, RlfServer, RlfVendor } from './types.ts';

/** An RLF that may lack its signature: what a person is still writing. */
export interface RlfDraft {
  /** Everything in it is checked, but for the signature. */
  readonly rlf: Rlf;
  /** What is signed: all of the document but `[signature]`. */
  readonly document: Readonly<Record<string, unknown>>;
  /** Null where the signature is right, else what is wrong. */
  readonly signatureError: LmError | null;
}

/**
 * Reads an RLF. Throws `bad-data`, or `untrusted` where another key than the admin's signed it.
 * Whether this admin is the right one, the caller has to know (`requireAdmin`).
 */
export function readRlf(text: string): Rlf {
  const { rlf, signatureError } = readDraft(text);
  if (signatureError !== null) throw signatureError;
  return rlf;
}

export function readDraft(text: string): RlfDraft {
  const fields = new Fields(parseToml(text, 'the RLF'), '');
  const sequence = fields.integer('sequence', { min: 1, max: Number.MAX_SAFE_INTEGER });
  const poolFields = fields.table('pool');
  const pool = poolFields.text('name', nameProblem);
  const admin = poolFields.text('admin', publicKeyProblem);
  poolFields.end();
  const ancestors = readAdminChain(fields.tables('admin-chain', ADMIN_CHAIN_MAX), admin);
  const servers = serversOf(fields.tables('server', SERVERS_MAX));
  const vendors = vendorsOf(fields.tables('vendor', LICENSES_MAX));
  const licenses = licensesIn(fields.tables('license', LICENSES_MAX), vendors);
  const signature = fields.has('signature') ? signatureOf(fields.table('signature')) : null;
  fields.end();
  refuseContradictions(licenses, { servers, customers: [admin, ...ancestors].map(thumbprint) });
  const { signature: _, ...document } = fields.raw;
  const digest = createHash('sha256').update(canonicalText(document)).digest('hex');
  const rlf = { sequence, pool, admin, ancestors, servers, vendors, licenses, digest, text };
  return { rlf, document, signatureError: signatureErrorOf(admin, document, signature) };
}

/** Throws `untrusted` unless this RLF's admin is the trusted key, or follows it in the chain. */
export function requireAdmin(
  rlf: Pick<Rlf, 'pool' | 'admin' | 'ancestors'>,
  trusted: string,
): void {
  if (rlf.admin === trusted || rlf.ancestors.includes(trusted)) return;
  const message = `The RLF of pool ${rlf.pool} is signed by ${rlf.admin}, not by ${trusted}.`;
  throw new LmError('untrusted', message, 'Ask whoever runs the pool which admin key is right.');
}

interface Signature {
  readonly key: string;
  readonly value: string;
}

function signatureErrorOf(
  admin: string,
  document: unknown,
  signature: Signature | null,
): LmError | null {
  if (signature === null) return badData('The RLF is not signed.', SIGN);
  const { key: publicKey, value } = signature;
  if (publicKey !== admin) {
    const message = `The RLF is signed by ${publicKey}, which is not the admin of its pool.`;
    return new LmError('untrusted', message, `Sign it with the key of ${admin}.`);
  }
  if (verifiesDocument('lm-rlf-v1', document, { publicKey, signature: value })) return null;
  return badData('The signature of the RLF is wrong: it changed since it was signed.', SIGN);
}

function signatureOf(table: Fields): Signature {
  const signature = {
    key: table.text('key', publicKeyProblem),
    value: table.text('value', signatureProblem),
  };
  table.end();
  return signature;
}

function serversOf(tables: readonly Fields[]): RlfServer[] {
  if (tables.length === 0) throw badData('The RLF names no server.', 'Add a [[server]] table.');
  const servers = tables.map(serverOf);
  refuseTwins(servers);
  return servers;
}

function vendorsOf(tables: readonly Fields[]): RlfVendor[] {
  const names = new Set<string>();
  return tables.map((table) => {
    const vendor = {
      name: table.text('name', nameProblem),
      key: table.text('key', publicKeyProblem),
    };
    table.end();
    if (names.has(vendor.name)) {
      throw badData(`Two [[vendor]] tables have the name ${quoted(vendor.name)}.`, 'Drop one.');
    }
    names.add(vendor.name);
    return vendor;
  });
}

function licensesIn(tables: readonly Fields[], vendors: readonly RlfVendor[]): RlfLicense[] {
  const keys = new Map(vendors.map(({ name, key }) => [name, key]));
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

interface Surroundings {
  readonly servers: readonly RlfServer[];
  /** Thumbprints of the admin key and its ancestors: whose codes may stand here. */
  readonly customers: readonly string[];
}

function refuseContradictions(
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

const SIGN = 'If the change is meant, sign it: `lm rlf sign FILE --key admin.key`.';
