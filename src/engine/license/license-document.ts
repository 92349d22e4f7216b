/** Licenses and codes as people and scripts see them: in words, and as JSON. */
import { type Distribution, distributionOf, type License } from './distribution.ts';
import type { LicenseCode, RlfServer } from './types.ts';

export interface CodeDocument {
  readonly id: string;
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly limit: number;
  readonly issuedAt: string;
  readonly notBefore: string | null;
  readonly expires: string | null;
  /** Thumbprint of the customer's admin key; null for any customer. */
  readonly customer: string | null;
  readonly keyLifetimeMs: number;
  readonly commuterDays: number;
  readonly commuterShare: number;
  /** `finish`: applications that run when it ends may go on. */
  readonly onExpiry: string;
}

export interface LicenseDocument {
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly hardLimit: number;
  readonly freePool: number;
  readonly distribution: readonly { readonly server: string; readonly allocated: number }[];
  readonly codes: readonly CodeDocument[];
}

export function codeDocument(code: LicenseCode): CodeDocument {
  return {
    id: code.id,
    vendor: code.vendor,
    application: code.application,
    version: code.version,
    limit: code.limit,
    issuedAt: isoTime(code.issuedAt),
    notBefore: code.notBefore === null ? null : isoTime(code.notBefore),
    expires: code.expires === null ? null : isoTime(code.expires),
    customer: code.customer,
    keyLifetimeMs: code.keyLifetimeMs,
    commuterDays: code.commuterDays,
    commuterShare: code.commuterShare,
    onExpiry: code.onExpiry,
  };
}

export function licenseDocument(license: License, servers: readonly RlfServer[]): LicenseDocument {
  const { vendor, application, version, hardLimit, codes } = license;
  const { rows, freePool } = distributionOf(license, servers);
  return {
    vendor,
    application,
    version,
    hardLimit,
    freePool,
    distribution: [...rows].map(([server, allocated]) => ({ server, allocated })),
    codes: codes.map(({ code }) => codeDocument(code)),
  };
}

/** `Acme Application 1.0: 100 seats, until 2027-01-31T23:59:59Z`. */
export function codeWords(code: LicenseCode): string {
  const { vendor, application, version, limit } = code;
  return `${vendor} ${application} ${version}: ${seatWords(limit)}${dateWords(code)}`;
}

/** `, from …, until …`, or nothing for a code without dates. */
export function dateWords({ notBefore, expires }: LicenseCode): string {
  const from = notBefore === null ? '' : `, from ${isoTime(notBefore)}`;
  return `${from}${expires === null ? '' : `, until ${isoTime(expires)}`}`;
}

/** `A 40, B 30, C 30, free pool 0`. */
export function distributionWords({ rows, freePool }: Distribution): string {
  return [...rows, ['free pool', freePool] as const].map(([to, n]) => `${to} ${n}`).join(', ');
}

export function seatWords(count: number): string {
  return count === 1 ? '1 seat' : `${count} seats`;
}

/** ISO 8601 in UTC, without the milliseconds that license dates do not have. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
