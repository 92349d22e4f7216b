/**
 * The redundant license file (RLF, FIG. 2): a TOML text, read exactly, every signature verified.
 */
import { createHash } from 'node:crypto';
import { LmError } from '../errors.ts';
import { ADMIN_CHAIN_MAX, EPOCH_MAX, LICENSES_MAX, SERVERS_MAX } from '../limits.ts';
import { readAdminChain } from './admin-chain.ts';
import { badData, Fields } from './fields.ts';
import { publicKeyProblem, thumbprint } from './keys.ts';
import { nameProblem, quoted } from './names.ts';
import { licensesIn, refuseContradictions } from './rlf-licenses.ts';
import { refuseTwins, serverOf } from './server-list.ts';
import { canonicalText, signatureProblem, verifiesCanonical } from './signed-document.ts';
import { parseToml } from './toml.ts';
import type { Rlf, RlfServer, RlfVendor } from './types.ts';
import { vendorOf } from './vendor.ts';

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
  return recentRlf(text) ?? readSigned(text).read();
}

/** One that was read a moment ago: a server that is given an RLF meets it again. */
export function recentRlf(text: string): Rlf | null {
  return recent.find((one) => one.text === text) ?? null;
}

/** RLFs that were read last, all of them right: reading one again gives the same. */
let recent: readonly Rlf[] = [];
const RECENT_MAX = 2;

export function readDraft(text: string): RlfDraft {
  return draftOf(readHead(text), text);
}

function draftOf(
  { fields, signatureError, document, ...head }: ReturnType<typeof readHead>,
  text: string,
): RlfDraft {
  const { admin, ancestors, servers, vendors } = head;
  const licenses = licensesIn(fields.tables('license', LICENSES_MAX), vendors);
  fields.end();
  refuseContradictions(licenses, { servers, customers: [admin, ...ancestors].map(thumbprint) });
  return { rlf: { ...head, licenses, text }, document, signatureError };
}

/** An RLF whose admin signed it, and whose licenses are still to be read. */
export interface SignedRlf extends Pick<RlfDraft, 'document'>, Pick<Rlf, 'vendors'> {
  /** Reads the rest, once. Throws `bad-data`. */
  readonly read: () => Rlf;
}

/** Before anything is verified that takes long: it may be anybody's. Throws as `readRlf`. */
export function readSigned(text: string): SignedRlf {
  const head = readHead(text);
  const { document, vendors, signatureError } = head;
  if (signatureError !== null) throw signatureError;
  const read = () => {
    const { rlf } = draftOf(head, text);
    recent = [rlf, ...recent].slice(0, RECENT_MAX);
    return rlf;
  };
  return { document, vendors, read };
}

function readHead(text: string) {
  const fields = new Fields(parseToml(text, 'The RLF'), '');
  const sequence = fields.integer('sequence', { min: 1, max: Number.MAX_SAFE_INTEGER });
  const recover = fields.has('recover') ? recoverOf(fields.table('recover')) : null;
  const poolFields = fields.table('pool');
  const pool = poolFields.text('name', nameProblem);
  const admin = poolFields.text('admin', publicKeyProblem);
  poolFields.end();
  const ancestors = readAdminChain(fields.tables('admin-chain', ADMIN_CHAIN_MAX), admin);
  const servers = serversOf(fields.tables('server', SERVERS_MAX));
  const vendors = vendorsOf(fields.tables('vendor', LICENSES_MAX));
  const signature = fields.has('signature') ? signatureOf(fields.table('signature')) : null;
  const { signature: _, ...document } = fields.raw;
  const canonical = canonicalText(document);
  const digest = createHash('sha256').update(canonical).digest('hex');
  const signatureError = signatureErrorOf(admin, canonical, signature);
  const head = { sequence, recover, pool, admin, ancestors, servers, vendors, digest };
  return { fields, document, signatureError, ...head };
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
  canonical: string,
  signature: Signature | null,
): LmError | null {
  if (signature === null) return badData('The RLF is not signed.', SIGN);
  const { key: publicKey, value } = signature;
  if (publicKey !== admin) {
    const message = `The RLF is signed by ${publicKey}, which is not the admin of its pool.`;
    return new LmError('untrusted', message, `Sign it with the key of ${admin}.`);
  }
  if (verifiesCanonical('lm-rlf-v1', canonical, { publicKey, signature: value })) return null;
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

/** The first epoch of a pool is 1: only a later one is a restart. */
function recoverOf(table: Fields): number {
  const epoch = table.integer('epoch', { min: 2, max: EPOCH_MAX });
  table.end();
  return epoch;
}

function serversOf(tables: readonly Fields[]): RlfServer[] {
  if (tables.length === 0) throw badData('The RLF names no server.', 'Add a [[server]] table.');
  const servers = tables.map(serverOf);
  refuseTwins(servers);
  return servers;
}

function vendorsOf(tables: readonly Fields[]): RlfVendor[] {
  const seen = new Set<string>();
  return tables.map((table) => {
    const vendor = vendorOf(table);
    const { name, key } = vendor;
    if (seen.has(`${name} ${key}`)) {
      const message = `Two [[vendor]] tables have the name ${quoted(name)} and the same key.`;
      throw badData(message, 'Drop one.');
    }
    seen.add(`${name} ${key}`);
    return vendor;
  });
}

const SIGN = 'If the change is meant, sign it: `lm rlf sign FILE --key admin.key`.';
