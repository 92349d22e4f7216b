import { LmError } from '../../engine/errors.ts';
import { codeDocument, codeWords } from '../../engine/license/license-document.ts';
import { readLicenseFile } from '../../engine/license/license-file.ts';
import { readRlf } from '../../engine/license/rlf.ts';
import {
  type Addition,
  addToRlfText,
  bumpRlfText,
  signRlfText,
} from '../../engine/license/rlf-text.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { parseDistribution } from '../shared/distribution.ts';
import { writeText } from '../shared/files.ts';
import { Args, Flags } from '../shared/oclif.ts';
import { printable } from '../shared/printable.ts';
import {
  adminKeyFlag,
  naming,
  readAdminKey,
  readDataText,
  refuseStdin,
} from '../shared/rlf-files.ts';

export default class RlfAdd extends BaseCommand {
  static override readonly summary = 'Add license files to an RLF, and sign it';
  static override readonly description =
    'Appends the code of each license file, and the vendor where it is new, adds one to the ' +
    'sequence and signs. The rest of the text stays as it is. The RLF must carry a good ' +
    'signature before, so that a change by somebody else is never signed along. Without a ' +
    'distribution the seats are spread evenly over the servers; what is left over goes to the ' +
    'free pool.';
  static override readonly examples = [
    '<%= config.bin %> rlf add application.lic --distribution A=40,B=30,C=30',
    '<%= config.bin %> rlf add application.lic other.lic --rlf cad-east/pool.toml --key admin.key',
  ];
  static override readonly args = {
    files: Args.string({
      description: 'License files, as `code sign` makes them (- for standard input).',
      ignoreStdin: true,
      multiple: true,
      name: 'LICFILE',
      required: true,
    }),
  };
  static override readonly flags = {
    rlf: Flags.string({
      default: 'pool.toml',
      description: 'The RLF, changed in place.',
      helpValue: 'FILE',
    }),
    distribution: Flags.custom<ReadonlyMap<string, number>>({
      helpValue: 'A=40,B=30,C=30',
      parse: async (text) => parseDistribution(text),
    })({ description: 'How many of the seats each server gets to start with.' }),
    key: adminKeyFlag,
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(RlfAdd);
    const { rlf: path, distribution = null } = flags;
    const files = args.files;
    refuseStdin(path);
    if (distribution !== null && files.length > 1) {
      const hint = 'Add the license files one by one.';
      throw new LmError('usage', 'A distribution goes with one license file.', hint);
    }
    const text = await readDataText(path);
    naming(path, () => readRlf(text));
    const additions: Addition[] = [];
    for (const file of files) {
      const licenseText = await readDataText(file);
      additions.push({ file: naming(file, () => readLicenseFile(licenseText)), distribution });
    }
    const key = await readAdminKey(flags.key, path);
    const added = naming(path, () => addToRlfText(bumpRlfText(text), additions));
    const signed = naming(path, () => signRlfText(added, key));
    writeText(path, signed, { replace: true });
    const { sequence, digest } = readRlf(signed);
    const codes = additions.map(({ file }) => file.code);
    if (flags.json) {
      return this.printJson({ file: path, sequence, digest, added: codes.map(codeDocument) });
    }
    for (const code of codes) this.tell(`Added ${printable(codeWords(code))}.`);
    this.tell(`Wrote ${path}: sequence ${sequence}, signed.`);
  }
}
