import { randomUUID } from 'node:crypto';
import { LmError } from '../../engine/errors.ts';
import { signCode } from '../../engine/license/code.ts';
import { type SigningKey, thumbprint } from '../../engine/license/keys.ts';
import { codeDocument, codeWords } from '../../engine/license/license-document.ts';
import { type LicenseFile, licenseFileText } from '../../engine/license/license-file.ts';
import { applicationProblem, nameProblem } from '../../engine/license/names.ts';
import type { LicenseCode } from '../../engine/license/types.ts';
import { versionProblem } from '../../engine/license/version.ts';
import {
  COMMUTER_DAYS_MAX,
  KEY_LIFETIME_MS_DEFAULT,
  KEY_LIFETIME_MS_MAX,
  KEY_LIFETIME_MS_MIN,
  SEATS_MAX,
} from '../../engine/limits.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { dateFlag } from '../shared/date.ts';
import { parseDuration } from '../shared/duration.ts';
import { publicKeyFlag, readSigningKey } from '../shared/key-files.ts';
import { Flags } from '../shared/oclif.ts';
import { outputFlags, putOutput } from '../shared/output.ts';
import { printable } from '../shared/printable.ts';
import { textFlag } from '../shared/text-flag.ts';

export default class CodeSign extends BaseCommand {
  static override readonly summary = 'Sign a license code';
  static override readonly description =
    'For vendors: makes a license file, which holds the name and the public key of the vendor ' +
    'and one signed license code. The customer adds it to the RLF with `rlf add`. A code is for ' +
    'one customer, named by the public key of its administrator. A code for a version covers all ' +
    'versions up to it.';
  static override readonly examples = [
    '<%= config.bin %> code sign --vendor Acme --key vendor.key --application Application ' +
      '--version 1.0 --limit 100 --customer admin.key.pub --expires 2027-01-31 -o application.lic',
    '<%= config.bin %> code sign --vendor Acme --key - --application Trial --version 2 --limit 5 ' +
      '--any-customer --key-lifetime 30m < vendor.key',
  ];
  static override readonly flags = {
    vendor: textFlag('NAME', 'The vendor.', nameProblem),
    key: Flags.string({
      description: 'Private key of the vendor, - for standard input.',
      helpValue: 'FILE',
      required: true,
    }),
    application: textFlag('NAME', 'The application, as it will be asked for.', applicationProblem),
    version: textFlag(
      'VERSION',
      'Highest version that the code covers: numbers joined by dots.',
      versionProblem,
    ),
    limit: Flags.integer({
      description: 'The hard limit: most seats in use at once.',
      helpValue: 'N',
      min: 1,
      max: SEATS_MAX,
      required: true,
    }),
    customer: publicKeyFlag({
      description: "The customer: the administrator's public key, or the file that holds it.",
      exactlyOne: ['customer', 'any-customer'],
    }),
    'any-customer': Flags.boolean({ description: 'Anyone may use the code.' }),
    expires: dateFlag('end')({
      description: 'When it ends; a date without a time means the end of that day (UTC).',
    }),
    'not-before': dateFlag('start')({
      description: 'When it begins; a date without a time means the start of that day (UTC).',
    }),
    'key-lifetime': Flags.custom<number>({
      helpValue: 'DURATION',
      parse: async (text) => keyLifetime(text),
    })({
      description: 'How long a seat outlives the last sign of life of its holder. Default: 10m.',
    }),
    'commuter-days': Flags.integer({
      description: 'Longest time, in days, for which a seat may leave the network.',
      helpValue: 'N',
      min: 1,
      max: COMMUTER_DAYS_MAX,
    }),
    'commuter-share': Flags.custom<number>({
      helpValue: 'FRACTION',
      parse: async (text) => fraction(text),
    })({
      dependsOn: ['commuter-days'],
      description: 'Largest share of the seats that may leave at once, 0 to 1. Default: 1.',
    }),
    'on-expiry': Flags.option({ options: ['finish', 'stop'] as const })({
      description: 'Applications that run when the code ends: they may finish, or have to stop.',
      default: 'stop',
    }),
    ...outputFlags,
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(CodeSign);
    const { customer } = flags;
    const days = flags['commuter-days'] ?? 0;
    const now = Date.now();
    const grant: LicenseCode = {
      id: randomUUID(),
      vendor: flags.vendor,
      application: flags.application,
      version: flags.version,
      limit: flags.limit,
      issuedAt: Math.floor(now / 1000) * 1000,
      notBefore: flags['not-before'] ?? null,
      expires: flags.expires ?? null,
      customer: customer === undefined ? null : thumbprint(customer),
      keyLifetimeMs: flags['key-lifetime'] ?? KEY_LIFETIME_MS_DEFAULT,
      commuterDays: days,
      commuterShare: days === 0 ? 0 : (flags['commuter-share'] ?? 1),
      onExpiry: flags['on-expiry'],
    };
    refuseEmptySpan(grant);
    const file = licenseFileOf(grant, await readSigningKey(flags.key));
    putOutput(licenseFileText(file), flags, flags.json);
    if (grant.expires !== null && grant.expires <= now) this.tell('This code is over already.');
    if (flags.json) {
      const { token, vendor } = file;
      const output = flags.output ?? null;
      this.printJson({ ...codeDocument(grant), code: token, vendorKey: vendor.key, file: output });
    } else if (flags.output !== undefined) {
      this.tell(`Wrote ${flags.output}: ${printable(codeWords(grant))}.`);
    }
  }
}

function licenseFileOf(grant: LicenseCode, key: SigningKey): LicenseFile {
  const vendor = { name: grant.vendor, key: key.publicKey };
  return { vendor, token: signCode(grant, key), code: grant };
}

function refuseEmptySpan({ notBefore, expires }: LicenseCode): void {
  if (notBefore === null || expires === null || notBefore < expires) return;
  throw new LmError('usage', 'The code would end before it begins.', 'Correct the two dates.');
}

function keyLifetime(text: string): number {
  const ms = parseDuration(text);
  const min = Math.ceil(KEY_LIFETIME_MS_MIN / 1000);
  if (ms % 1000 === 0 && ms >= min * 1000 && ms <= KEY_LIFETIME_MS_MAX) return ms;
  const hours = KEY_LIFETIME_MS_MAX / 3_600_000;
  const hint = `Give whole seconds, from ${min}s to ${hours}h.`;
  throw new LmError('usage', `A key lifetime can not be ${text}.`, hint);
}

function fraction(text: string): number {
  const share = /^[0-9](\.[0-9]{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  if (share <= 1) return share;
  throw new LmError('usage', 'The share is not a number from 0 to 1.', 'Give one, such as 0.25.');
}
