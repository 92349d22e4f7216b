/** RLFs signed by keys that never change, so that equal tests read equal bytes. */
import { signCode } from '../../src/engine/license/code.ts';
import { type SigningKey, signingKeyFromPem } from '../../src/engine/license/keys.ts';
import { licenseTable, vendorTable } from '../../src/engine/license/license-file.ts';
import { readRlf } from '../../src/engine/license/rlf.ts';
import { signRlfText } from '../../src/engine/license/rlf-text.ts';
import type { LicenseCode, Rlf, RlfServer } from '../../src/engine/license/types.ts';

export const ADMIN = fixedKey(1);
const VENDORS = new Map<string, SigningKey>();

/** One code of an RLF; what is left out is made up. */
export interface SampleCode extends Partial<LicenseCode> {
  readonly distribution?: Readonly<Record<string, number>> | null;
}

export interface SampleRlf {
  readonly sequence?: number;
  readonly recover?: number | undefined;
  readonly pool?: string;
  /** Names, which stand where they are listed, or a server in full. */
  readonly servers?: readonly (string | RlfServer)[];
  readonly codes?: readonly SampleCode[];
}

export const DEFAULT_CODE: LicenseCode = {
  id: 'code-1',
  vendor: 'Acme',
  application: 'Application',
  version: '1.0',
  limit: 100,
  issuedAt: 0,
  notBefore: null,
  expires: null,
  customer: null,
  keyLifetimeMs: 60_000,
  commuterDays: 0,
  commuterShare: 0,
  onExpiry: 'stop',
};

export function makeRlf({
  sequence = 1,
  recover,
  pool = 'cad-east',
  servers = ['A'],
  codes,
}: SampleRlf): Rlf {
  const tables: string[] = [];
  const vendors = new Set<string>();
  for (const [at, { distribution = null, ...fields }] of (codes ?? [{}]).entries()) {
    const code = { ...DEFAULT_CODE, id: `code-${at + 1}`, ...fields };
    vendors.add(code.vendor);
    const rows = distribution === null ? null : new Map(Object.entries(distribution));
    tables.push(licenseTable(signCode(code, vendorKey(code.vendor)), rows));
  }
  const lines = [
    `sequence = ${sequence}\n${recover === undefined ? '' : `[recover]\nepoch = ${recover}\n`}[pool]\nname = "${pool}"\nadmin = "${ADMIN.publicKey}"\n`,
    ...servers.map(serverTable),
    ...[...vendors].sort().map((name) => vendorTable({ name, key: vendorKey(name).publicKey })),
    ...tables,
  ];
  return readRlf(signRlfText(lines.join('\n'), ADMIN));
}

/** The id of the server that stands at `at` in the list. */
export function fingerprintOf(at: number): string {
  return `sha256:${at.toString(16).padStart(64, '0')}`;
}

/** The server that stands at `at` in the list. */
export function sampleServer(name: string, at: number): RlfServer {
  return { name, address: `127.0.0.1:${5930 + at}`, fingerprint: fingerprintOf(at) };
}

function serverTable(server: string | RlfServer, at: number): string {
  const full = typeof server === 'string' ? sampleServer(server, at) : server;
  const { name, address, fingerprint } = full;
  const fields = [`name = "${name}"`, `address = "${address}"`, `fingerprint = "${fingerprint}"`];
  return `[[server]]\n${fields.join('\n')}\n`;
}

function vendorKey(name: string): SigningKey {
  let key = VENDORS.get(name);
  if (key === undefined) {
    key = fixedKey(2 + VENDORS.size);
    VENDORS.set(name, key);
  }
  return key;
}

/** Ed25519 from a seed of equal bytes, in the PKCS#8 envelope of RFC 8410. */
function fixedKey(byte: number): SigningKey {
  const envelope = Buffer.from('302e020100300506032b657004220420', 'hex');
  const der = Buffer.concat([envelope, Buffer.alloc(32, byte)]);
  const pem = `-----BEGIN PRIVATE KEY-----\n${der.toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return signingKeyFromPem(pem);
}
