/**
 * License files: how a vendor hands out a code. TOML with the same `[[vendor]]` and `[[license]]`
 * tables as an RLF, so that they can also be pasted into one.
 */
import { readCode } from './code.ts';
import { badData, Fields } from './fields.ts';
import { codeWords } from './license-document.ts';
import { quoted } from './names.ts';
import { parseToml, tomlKey, tomlText } from './toml.ts';
import type { LicenseCode, RlfVendor } from './types.ts';
import { vendorOf } from './vendor.ts';

export interface LicenseFile {
  readonly vendor: RlfVendor;
  readonly token: string;
  /** What the token says, verified by the vendor's key in the file. */
  readonly code: LicenseCode;
}

/** Reads a license file and verifies its code by the key in it. Throws `bad-data`. */
export function readLicenseFile(text: string): LicenseFile {
  const fields = new Fields(parseToml(text, 'The license file'), '');
  const [vendor] = fields.tables('vendor', 1).map(vendorOf);
  const [token] = fields.tables('license', 1).map((table) => {
    const code = table.text('code', () => null);
    table.end();
    return code;
  });
  fields.end();
  if (vendor === undefined || token === undefined) {
    const hint = 'A license file has one [[vendor]] and one [[license]] table (`lm code sign`).';
    throw badData('This is not a license file.', hint);
  }
  const code = readCode(token, (name) => {
    if (name === vendor.name) return [vendor.key];
    const message = `The license code is of vendor ${quoted(name)}, the key of ${vendor.name}.`;
    throw badData(message, 'Get the license file anew from the vendor.');
  });
  return { vendor, token, code };
}

export function licenseFileText({ vendor, token, code }: LicenseFile): string {
  return `# ${codeWords(code)}\n${vendorTable(vendor)}\n${licenseTable(token, null)}`;
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
