import { nameProblem } from '../../engine/license/names.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { readSigningKey } from '../shared/key-files.ts';
import { Args, Flags } from '../shared/oclif.ts';
import { layOutPool } from '../shared/pool-layout.ts';
import { parseServers, survivalWarning } from '../shared/server-arguments.ts';
import { checkedText } from '../shared/text-flag.ts';

export default class PoolInit extends BaseCommand {
  static override readonly summary = 'Set up a new pool of license servers';
  static override readonly description =
    'Makes a directory with the key of the administrator (admin.key, the root of all trust: keep ' +
    'it, and a copy of it, off the servers), a signed RLF without licenses (pool.toml), the card ' +
    'for clients (NAME.pool) and a prepared data directory for each server (servers/SERVER), to ' +
    'be moved to its host. The order of the servers is the leader priority list. One server, or ' +
    'an odd number from 3 to 11: a pool goes on while a majority of its servers does.';
  static override readonly examples = [
    '<%= config.bin %> pool init cad-east license1:5930 license2:5930 license3:5930',
    '<%= config.bin %> pool init small main=127.0.0.1 -o /tmp/small --json',
  ];
  static override readonly args = {
    name: Args.string({
      description: 'Name of the pool.',
      ignoreStdin: true,
      name: 'NAME',
      required: true,
    }),
    servers: Args.string({
      description: 'Servers, called A, B, C, … unless named. Port: 5930.',
      ignoreStdin: true,
      multiple: true,
      name: '[SERVER=]HOST[:PORT]',
      required: true,
    }),
  };
  static override readonly flags = {
    output: Flags.string({
      char: 'o',
      description: 'Directory to make. Default: ./NAME.',
      helpValue: 'DIR',
    }),
    key: Flags.string({
      description:
        'Private key of an administrator who has one already (license codes are bound to it); ' +
        'it is used, and not copied. Default: a new one.',
      helpValue: 'FILE',
    }),
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(PoolInit);
    const pool = checkedText(args.name, nameProblem);
    const servers = parseServers(args.servers);
    const warning = survivalWarning(servers.length);
    if (warning !== null) this.tell(warning);
    const key = flags.key === undefined ? null : await readSigningKey(flags.key);
    const directory = flags.output ?? `./${pool}`;
    const made = await layOutPool(directory, { pool, servers, key });
    if (flags.json) return this.printJson(made);
    this.tell(`Made ${directory} with`);
    if (made.adminKey !== null) this.tell(`  ${made.adminKey}   secret: keep it off the servers`);
    this.tell(`  ${made.rlf}   the RLF, signed, without licenses`);
    this.tell(`  ${made.card}   the card for clients, into /etc/lm/pools`);
    for (const { name, data, address } of made.servers) {
      this.tell(`  ${data}   data directory of server ${name}, for ${address}`);
    }
    this.tell(`Next: lm serve --data DIR on each host, and lm rlf add LICFILE --rlf ${made.rlf}`);
  }
}
