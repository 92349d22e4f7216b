import { existsSync } from 'node:fs';
import { LmError } from '../../engine/errors.ts';
import { peekCode, readCode } from '../../engine/license/code.ts';
import { codeDocument, isoTime } from '../../engine/license/license-document.ts';
import { readLicenseFile } from '../../engine/license/license-file.ts';
import type { LicenseCode } from '../../engine/license/types.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { publicKeyFlag } from '../shared/key-files.ts';
import { Args } from '../shared/oclif.ts';
import { printable } from '../shared/printable.ts';
import { naming, readDataText } from '../shared/rlf-files.ts';

export default class CodeShow extends BaseCommand {
  static override readonly summary = 'Show what a license code says';
  static override readonly description =
    'Reads a license file, or a code as such, and prints its terms. With the key of the vendor ' +
    'it checks that the vendor signed it, without, only that a license file fits the key inside ' +
    'it.';
  static override readonly examples = [
    '<%= config.bin %> code show application.lic',
    '<%= config.bin %> code show application.lic --vendor-key ed25519:… --json',
  ];
  static override readonly args = {
    code: Args.string({
      description: 'License file (- for standard input), or a license code.',
      ignoreStdin: true,
      name: 'CODE|FILE',
      required: true,
    }),
  };
  static override readonly flags = {
    'vendor-key': publicKeyFlag({
      description: 'Public key of the vendor, or the file that holds it.',
      env: 'LM_VENDOR_KEY',
    }),
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(CodeShow);
    const trusted = flags['vendor-key'] ?? null;
    const { code, vendorKey } = await readGiven(args.code, trusted);
    const verified = trusted !== null;
    if (flags.json) return this.printJson({ ...codeDocument(code), vendorKey, verified });
    process.stdout.write(words(code, vendorKey));
    if (!verified) this.tell('Not checked: whose key that is. Give --vendor-key to check it.');
  }
}

interface Shown {
  readonly code: LicenseCode;
  /** The key that signed it; null where that is not known. */
  readonly vendorKey: string | null;
}

async function readGiven(given: string, trusted: string | null): Promise<Shown> {
  const bare = TOKEN.test(given) && !existsSync(given);
  const text = bare ? given : (await readDataText(given)).trim();
  return naming(bare ? 'the code' : given, () => {
    return TOKEN.test(text) ? readBare(text, trusted) : readFile(text, trusted);
  });
}

function readBare(token: string, trusted: string | null): Shown {
  const code = trusted === null ? peekCode(token) : readCode(token, () => [trusted]);
  return { code, vendorKey: trusted };
}

function readFile(text: string, trusted: string | null): Shown {
  const { code, vendor } = readLicenseFile(text);
  if (trusted === null || trusted === vendor.key) return { code, vendorKey: vendor.key };
  const message = `The license file is signed by ${vendor.key}, not by ${trusted}.`;
  throw new LmError('untrusted', message, 'Ask the vendor which key is right.');
}

function words(code: LicenseCode, vendorKey: string | null): string {
  const { commuterDays: days, commuterShare: share } = code;
  const lines = [
    ['vendor', code.vendor],
    ['application', code.application],
    ['version', `up to ${code.version}`],
    ['hard limit', String(code.limit)],
    ['begins', code.notBefore === null ? 'at once' : isoTime(code.notBefore)],
    ['ends', code.expires === null ? 'never' : isoTime(code.expires)],
    ['customer', code.customer ?? 'anyone'],
    ['key lifetime', `${code.keyLifetimeMs / 1000} s`],
    ['commuters', days === 0 ? 'none' : `up to ${days} days, ${share * 100} % of the seats`],
    ['issued', isoTime(code.issuedAt)],
    ['code', code.id],
    ['vendor key', vendorKey ?? 'unknown'],
  ] as const;
  return lines.map(([name, text]) => `${name.padEnd(14)}${printable(text)}\n`).join('');
}

const TOKEN = /^eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*$/;
