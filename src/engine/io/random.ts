import { randomFillSync } from 'node:crypto';

/** Unpredictable bytes from the operating system's generator: keys, nonces, tickets. */
export function randomBytes(count: number): Uint8Array {
  return randomFillSync(new Uint8Array(count));
}
