/** RLFs as a person or a script writes them: by hand, around the head that `lm pool init` made. */
import { readFileSync } from 'node:fs';
import { type SigningKey, signingKeyFromPem } from '../../src/engine/license/keys.ts';
import { licenseTable, vendorTable } from '../../src/engine/license/license-file.ts';
import { signRlfText } from '../../src/engine/license/rlf-text.ts';

export interface WrittenLicense {
  /** The code. */
  readonly token: string;
  /** Seats of server A at the start; null for no distribution. */
  readonly allocated: number | null;
}

export interface WrittenVendor {
  readonly name: string;
  readonly key: string;
}

export class RlfWriter {
  readonly #head: string;
  readonly vendors: readonly WrittenVendor[];

  /** `text` is an RLF of the pool, whose licenses and signature are left out. */
  constructor(text: string, vendors: readonly WrittenVendor[]) {
    this.#head = text.replace(
      /^(# (Vendors and licenses|Written by)|\[\[vendor|\[signature)[\s\S]*$/m,
      '',
    );
    this.vendors = vendors;
  }

  /** The RLF of this sequence with these licenses, unsigned. */
  write(sequence: number, licenses: readonly WrittenLicense[]): string {
    const tables = licenses.map(({ token, allocated }) =>
      licenseTable(token, allocated === null ? null : new Map([['A', allocated]])),
    );
    const head = this.#head.replace(/^sequence = \d+/m, `sequence = ${sequence}`);
    return [head.trimEnd(), ...this.vendors.map(vendorTable), ...tables].join('\n\n');
  }

  signed(sequence: number, licenses: readonly WrittenLicense[], key: SigningKey): string {
    return signRlfText(this.write(sequence, licenses), key);
  }
}

export function keyFrom(path: string): SigningKey {
  return signingKeyFromPem(readFileSync(path, 'utf8'));
}
