/**
 * License files: how a vendor hands out codes. TOML with the same `[[vendor]]` and `[[license]]`
 * tables as an RLF, so that one can also be pasted into the other, and several joined into one.
 */
import { LICENSES_MAX } from '../limits.ts';
import { readCode } from './code.ts';
import { badData, Fields } from './fields.ts';
import { codeWords } from './license-document.ts';
import { quoted } from './names.ts';
import { parseToml, tomlKey, tomlText } from './toml.ts';
import type { LicenseCode, RlfVendor } from './types.ts';
import { vendorOf } from './vendor.ts';

export interface SignedCode {
  readonly token: string;
  readonly code: LicenseCode;
}

export interface LicenseFile {
  readonly vendors: readonly RlfVendor[];
  /** At least one. */
  readonly codes: readonly SignedCode[];
}

/** Reads a license file and verifies its codes by the keys in it. Throws `bad-data`. */
export function readLicenseFile(text: string): LicenseFile {
  const fields = new Fields(parseToml(text, 'the license file'), '');
  const vendors = fields.tables('vendor', LICENSES_MAX).map(vendorOf);
  const keys = new Map<string, string>();
  for (const { name, key } of vendors) {
    if ((keys.get(name) ?? key) !== key) {
      throw badData(`The license file has two keys of vendor ${quoted(name)}.`);
    }
    keys.set(name, key);
  }
  const codes = fields.tables('license', LICENSES_MAX).map((table) => {
    const token = table.text('code', () => null);
    table.end();
    return { token, code: readCode(token, (vendor) => keyIn(keys, vendor)) };
  });
  fields.end();
  if (codes.length === 0) throw badData('The license file holds no license code.');
  return { vendors: [...keys].map(([name, key]) => ({ name, key })), codes };
}

/** The text of a license file with one code. */
export function licenseFileText(vendor: RlfVendor, signed: SignedCode): string {
  const head = `# ${codeWords(signed.code)}\n`;
  return `${head}${vendorTable(vendor)}\n${licenseTable(signed.token, null)}`;
}

export function vendorTable({ name, key }: RlfVendor): string {
  return `[[vendor]]\nname = ${tomlText(name)}\nkey = ${tomlText(key)}\n`;
}

export function licenseTable(
  token: string,
  distribution: ReadonlyMap<string, number> | null,
): string {
  const code = `[[license]]\ncode = ${tomlText(token)}\n`;
  if (distribution === null) return code;
  const rows = [...distribution].map(([server, seats]) => `${tomlKey(server)} = ${seats}`);
  return `${code}distribution = { ${rows.join(', ')} }\n`;
}

function keyIn(keys: ReadonlyMap<string, string>, vendor: string): string {
  const key = keys.get(vendor);
  if (key !== undefined) return key;
  throw badData(`The license file has no key of vendor ${quoted(vendor)}.`);
}
