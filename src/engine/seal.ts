/**
 * What the pool signs for one holder of one key: a MAC under the pool's secret, then what it
 * vouches for. To the client these are opaque bytes, which it shows to any server of the pool.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { ID_BYTES } from './seat-key.ts';

const MAC_BYTES = 16;

/** Whom it is for: `idText` of the key, and of the client instance. */
export interface SealSubject {
  readonly id: string;
  readonly instance: string;
}

export class Seal {
  readonly #domainBytes: number;
  readonly #signed: Buffer;

  /** `domain` keeps what is signed for one purpose from being shown for another. */
  constructor(domain: string) {
    this.#domainBytes = domain.length;
    this.#signed = Buffer.alloc(domain.length + 2 * ID_BYTES);
    this.#signed.write(domain, 0, 'latin1');
  }

  sign(secret: Uint8Array, id: string, instance: string, said: Uint8Array): Uint8Array {
    this.#address(id, instance);
    const mac = createHmac('sha256', secret).update(this.#signed).update(said).digest('latin1');
    const sealed = Buffer.allocUnsafe(MAC_BYTES + said.length);
    sealed.write(mac, 0, MAC_BYTES, 'latin1');
    sealed.set(said, MAC_BYTES);
    return sealed;
  }

  /** What was signed, or null where the pool did not sign it so. */
  open(secret: Uint8Array, sealed: Uint8Array, { id, instance }: SealSubject): Uint8Array | null {
    if (sealed.length <= MAC_BYTES) return null;
    const said = sealed.subarray(MAC_BYTES);
    this.#address(id, instance);
    const mac = createHmac('sha256', secret).update(this.#signed).update(said).digest();
    const isSigned = timingSafeEqual(mac.subarray(0, MAC_BYTES), sealed.subarray(0, MAC_BYTES));
    return isSigned ? said : null;
  }

  /** Id and holder have one length each, so no two subjects are signed as the same bytes. */
  #address(id: string, instance: string): void {
    this.#signed.write(id, this.#domainBytes, 'latin1');
    this.#signed.write(instance, this.#domainBytes + ID_BYTES, 'latin1');
  }
}
