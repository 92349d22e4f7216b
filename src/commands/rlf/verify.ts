import { licensesOf } from '../../engine/license/distribution.ts';
import {
  type LicenseDocument,
  licenseDocument,
  seatWords,
} from '../../engine/license/license-document.ts';
import { requireAdmin } from '../../engine/license/rlf.ts';
import type { Rlf } from '../../engine/license/types.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { publicKeyFlag } from '../shared/key-files.ts';
import { Args } from '../shared/oclif.ts';
import { printable } from '../shared/printable.ts';
import { naming, readRlfFile } from '../shared/rlf-files.ts';

export default class RlfVerify extends BaseCommand {
  static override readonly summary = 'Check an RLF and every signature in it';
  static override readonly description =
    "Checks the administrator's signature, each license code by the key of its vendor, " +
    'customers, distributions and limits, and prints what the RLF says. That the administrator ' +
    'is the right one is only checked with --admin.';
  static override readonly examples = [
    '<%= config.bin %> rlf verify pool.toml',
    '<%= config.bin %> rlf verify pool.toml --admin admin.key.pub --json',
  ];
  static override readonly args = {
    file: Args.string({
      description: 'The RLF, - for standard input.',
      ignoreStdin: true,
      name: 'FILE',
      required: true,
    }),
  };
  static override readonly flags = {
    admin: publicKeyFlag({
      description: "The administrator's public key, or the file that holds it.",
    }),
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(RlfVerify);
    const { file } = args;
    const { admin } = flags;
    const rlf = await readRlfFile(file);
    if (admin !== undefined) naming(file, () => requireAdmin(rlf, admin));
    const licenses = licensesOf(rlf).map((license) => licenseDocument(license, rlf.servers));
    if (flags.json) {
      const { sequence, pool, ancestors, servers, vendors, digest } = rlf;
      const keys = { admin: rlf.admin, ancestors };
      return this.printJson({ sequence, pool, ...keys, digest, servers, vendors, licenses });
    }
    process.stdout.write(words(rlf, licenses));
  }
}

function words(rlf: Rlf, licenses: readonly LicenseDocument[]): string {
  const lines = [
    `pool ${rlf.pool}, sequence ${rlf.sequence}, signed by ${rlf.admin}`,
    ...rlf.ancestors.map((key) => `  which follows ${key}`),
    ...rlf.servers.map(({ name, address }, i) => `server ${name} ${address} (priority ${i + 1})`),
    ...licenses.map(licenseWords),
  ];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function licenseWords(license: LicenseDocument): string {
  const { vendor, application, version, hardLimit, distribution, freePool, codes } = license;
  const rows = distribution.map(({ server, allocated }) => `${server} ${allocated}`);
  const now = new Date().toISOString();
  const over = codes.filter(({ expires }) => expires !== null && expires <= now).length;
  const note = over === 0 ? '' : `, ${over} of ${codes.length} codes expired`;
  const seats = `${seatWords(hardLimit)} (${rows.join(', ')}, free pool ${freePool})`;
  return `license ${vendor} ${application} ${version}: ${seats}${note}`;
}
