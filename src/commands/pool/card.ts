import { LmError } from '../../engine/errors.ts';
import { makeCard } from '../../engine/license/card.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { Args, Flags } from '../shared/oclif.ts';
import { outputFlags, putOutput } from '../shared/output.ts';
import { adminKeyFlag, readAdminKey, readRlfFile } from '../shared/rlf-files.ts';

export default class PoolCard extends BaseCommand {
  static override readonly summary = 'Make the card that clients trust a pool by';
  static override readonly description =
    'The card names the servers and the administrator of a pool, signed by the latter. Clients ' +
    'find it in /etc/lm/pools, or by --pool or LM_POOL. It holds no secret. A new one is needed ' +
    'when no server of the old one is left, and after a `recover` (with its epoch).';
  static override readonly examples = [
    '<%= config.bin %> pool card cad-east/pool.toml -o cad-east.pool --force',
    '<%= config.bin %> pool card pool.toml --key admin.key > /etc/lm/pools/cad-east.pool',
  ];
  static override readonly args = {
    rlf: Args.string({
      description: 'The RLF, signed.',
      ignoreStdin: true,
      name: 'RLF',
      required: true,
    }),
  };
  static override readonly flags = {
    key: adminKeyFlag,
    epoch: Flags.integer({
      description: 'Lowest epoch of the pool that clients accept. Default: as the RLF says, or 0.',
      helpValue: 'N',
      max: Number.MAX_SAFE_INTEGER,
      min: 0,
    }),
    ...outputFlags,
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(PoolCard);
    const { pool, servers, sequence, admin, recover } = await readRlfFile(args.rlf);
    const key = await readAdminKey(flags.key, args.rlf);
    if (key.publicKey !== admin) {
      const message = `The key ${key.publicKey} is not the admin key of pool ${pool}.`;
      throw new LmError('untrusted', message, `Sign with the key of ${admin}.`);
    }
    const epoch = flags.epoch ?? recover ?? 0;
    putOutput(makeCard({ pool, servers, sequence, epoch }, key), flags, false);
    if (flags.output !== undefined) this.tell(`Wrote ${flags.output}.`);
  }
}
