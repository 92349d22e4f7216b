import { readDraft, readRlf } from '../../engine/license/rlf.ts';
import { recoverRlfText, signRlfText } from '../../engine/license/rlf-text.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { writeText } from '../shared/files.ts';
import { Args, Flags } from '../shared/oclif.ts';
import {
  adminKeyFlag,
  naming,
  readAdminKey,
  readDataText,
  refuseStdin,
} from '../shared/rlf-files.ts';

export default class RlfRecover extends BaseCommand {
  static override readonly summary = 'Restart a pool that lost its majority for good';
  static override readonly description =
    `Keeps the servers that are left, in a new epoch of the pool, adds one to the sequence and signs
the RLF in place. Start one of those servers with it (lm serve --rlf), or send it SIGHUP: it gives
it to the others, and once all of them have it the pool is restarted, from the newest ledger among
theirs. Nothing is issued before the longest key lifetime is over; applications that run lose their
seats. Add other servers by lm rlf push afterwards.

Use it only where the lost servers never come back as they are. While a majority of them is alive
and issues, more seats are issued than were bought. What only they knew is given up: seats that were
moved, held or commuted there, evictions, and RLFs.`;
  static override readonly examples = [
    '<%= config.bin %> rlf recover pool.toml --keep A,B --key admin.key',
  ];
  static override readonly args = {
    file: Args.string({
      description: 'The newest RLF of the pool, changed in place.',
      ignoreStdin: true,
      name: 'FILE',
      required: true,
    }),
  };
  static override readonly flags = {
    keep: Flags.string({
      description: 'Names of the servers that are left.',
      helpValue: 'A,B',
      required: true,
    }),
    key: adminKeyFlag,
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(RlfRecover);
    const { file } = args;
    refuseStdin(file);
    const text = await readDataText(file);
    const before = naming(file, () => readDraft(text)).rlf.servers.length;
    const keep = flags.keep.split(',').map((name) => name.trim());
    const key = await readAdminKey(flags.key, file);
    const signed = naming(file, () => signRlfText(recoverRlfText(text, keep), key));
    writeText(file, signed, { replace: true });
    const { sequence, digest, recover: epoch, servers } = readRlf(signed);
    const names = servers.map(({ name }) => name);
    if (flags.json) return this.printJson({ file, sequence, digest, epoch, servers: names });
    if (2 * names.length > before) {
      this.tell('A majority of its servers is kept: if those are up, an ordinary RLF will do.');
    }
    this.tell(`Wrote ${file}: sequence ${sequence}, epoch ${epoch}, servers ${names.join(', ')}.`);
    this.tell('While a majority of the servers before is alive, it issues more than was bought.');
  }
}
