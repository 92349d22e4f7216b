/** Keys, grants and RLFs that the tests sign, tamper with and read. */

import { expect } from 'bun:test';
import { generateKeyPairSync } from 'node:crypto';
import { LmError } from '../../src/engine/errors.ts';
import { signCode } from '../../src/engine/license/code.ts';
import { type SigningKey, signingKeyFromPem, thumbprint } from '../../src/engine/license/keys.ts';
import { licenseTable, vendorTable } from '../../src/engine/license/license-file.ts';
import { signRlfText } from '../../src/engine/license/rlf-text.ts';
import type { LicenseCode } from '../../src/engine/license/types.ts';

export function makePem(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  return String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

export const newKey = (): SigningKey => signingKeyFromPem(makePem());
export const ADMIN = newKey();
export const VENDOR = newKey();
export const STRANGER = newKey();

export const GRANT: LicenseCode = {
  id: 'code-1',
  vendor: 'Acme',
  application: 'Application',
  version: '1.0',
  limit: 100,
  issuedAt: Date.UTC(2026, 0, 1),
  notBefore: Date.UTC(2026, 0, 2),
  expires: Date.UTC(2027, 0, 31),
  customer: thumbprint(ADMIN.publicKey),
  keyLifetimeMs: 60_000,
  commuterDays: 30,
  commuterShare: 0.25,
  onExpiry: 'stop',
};

export interface SampleLicense {
  readonly grant?: Partial<LicenseCode>;
  readonly signer?: SigningKey;
  readonly distribution?: Readonly<Record<string, number>>;
}

export interface Sample {
  readonly servers?: readonly string[];
  readonly licenses?: readonly SampleLicense[];
  /** Further lines before the signature. */
  readonly more?: string;
}

export function serverTables(names: readonly string[]): string {
  return names
    .map((name, i) => {
      const fingerprint = `sha256:${i.toString(16).repeat(64)}`;
      const address = `127.0.0.1:${5930 + i}`;
      return `[[server]]\nname = "${name}"\naddress = "${address}"\nfingerprint = "${fingerprint}"\n`;
    })
    .join('\n');
}

/** An RLF without signature: servers A, B, C and one license, unless told otherwise. */
export function unsignedRlf({ servers = ['A', 'B', 'C'], licenses = [{}], more }: Sample = {}) {
  const tables = licenses.map(({ grant, signer, distribution }, i) => {
    const code = signCode({ ...GRANT, id: `code-${i + 1}`, ...grant }, signer ?? VENDOR);
    return licenseTable(code, distribution ? new Map(Object.entries(distribution)) : null);
  });
  return [
    `# Kept in git.\nsequence = 1   # counts up\n`,
    `[pool]\nname = "cad-east"\nadmin = "${ADMIN.publicKey}"   # us\n`,
    serverTables(servers),
    vendorTable({ name: 'Acme', key: VENDOR.publicKey }),
    ...tables,
    more ?? '',
  ].join('\n');
}

export const signedRlf = (sample?: Sample): string => signRlfText(unsignedRlf(sample), ADMIN);

/** The expected failure, or a test failure where nothing was thrown. */
export function failureOf(run: () => unknown): LmError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(LmError);
    return error as LmError;
  }
  throw new Error('nothing was thrown');
}
