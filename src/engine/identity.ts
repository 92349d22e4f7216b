/** A server's TLS key, made once when its data directory is prepared (DESIGN section 5). */
export interface Identity {
  /** The private key, PKCS#8 PEM: never printed, logged or sent. */
  readonly keyPem: string;
  readonly certificatePem: string;
  /** `sha256:` and 64 hexadecimal digits: the SHA-256 of the public key (SPKI DER). */
  readonly fingerprint: string;
}
