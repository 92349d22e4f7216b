/** What an RLF and its license codes say once they are read and verified (FIG. 2, FIG. 3). */

/** Applications that run may finish, or their seats are not renewed any more. */
export type OnExpiry = 'finish' | 'stop';

/**
 * One vendor-signed grant. Times are milliseconds since 1970 (wall time), durations milliseconds.
 */
export interface LicenseCode {
  /** The code's `jti`: no two codes of one RLF share it. */
  readonly id: string;
  readonly vendor: string;
  readonly application: string;
  /** Numeric fields joined by dots; covers requests up to itself. */
  readonly version: string;
  /** The hard limit: most authorizations in use at once. At least 1. */
  readonly limit: number;
  readonly issuedAt: number;
  readonly notBefore: number | null;
  readonly expires: number | null;
  /** Thumbprint of the customer's admin key, or null for any customer. */
  readonly customer: string | null;
  /** L: how long a key lives past its last heartbeat. */
  readonly keyLifetimeMs: number;
  /** Longest commute in days, 0 for none, and the share of the limit that may commute (0 to 1). */
  readonly commuterDays: number;
  readonly commuterShare: number;
  /** What becomes of seats in use when the code ends. */
  readonly onExpiry: OnExpiry;
}

export interface RlfServer {
  readonly name: string;
  /** HOST:PORT; an IPv6 host in brackets. */
  readonly address: string;
  /** `sha256:` and 64 hexadecimal digits: the SHA-256 of the server's TLS public key (SPKI). */
  readonly fingerprint: string;
}

export interface RlfVendor {
  readonly name: string;
  /** `ed25519:` and the base64url of the 32 bytes. */
  readonly key: string;
}

export interface RlfLicense {
  readonly code: LicenseCode;
  /** Initial distribution, seats by server name; null asks for an even split. */
  readonly distribution: ReadonlyMap<string, number> | null;
}

/** A redundant license file, read, checked and with every signature verified. */
export interface Rlf {
  readonly sequence: number;
  /** The epoch in which it restarts the pool from its servers alone, or did; null for any other. */
  readonly recover: number | null;
  readonly pool: string;
  /** The admin key that signed it, `ed25519:…`, and its ancestors, newest first. */
  readonly admin: string;
  readonly ancestors: readonly string[];
  /** Leader-priority order. */
  readonly servers: readonly RlfServer[];
  readonly vendors: readonly RlfVendor[];
  readonly licenses: readonly RlfLicense[];
  /** SHA-256 of the canonical JSON of everything but the signature, hexadecimal. */
  readonly digest: string;
  /** The text it was read from. */
  readonly text: string;
}
