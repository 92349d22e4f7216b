/** Sample data, for tests and for the processes that they start. */
import type { Preparation } from '../../src/engine/io/data-directory.ts';

export const SAMPLE: Preparation = {
  server: 'A',
  pool: 'cad-east',
  founding: 'sequence = 1\n',
  identity: { keyPem: 'key', certificatePem: 'certificate', fingerprint: 'sha256:00' },
};

export function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

/** Random numbers from 0 up to 1, the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = (Math.imul(seed, 2_654_435_761) ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) >>> 0;
    return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
  };
}
