import { formatAddress, parseAddress } from '../../engine/license/address.ts';
import { nameProblem } from '../../engine/license/names.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { Flags } from '../shared/oclif.ts';
import { serverTable } from '../shared/rlf-template.ts';
import { textFlag } from '../shared/text-flag.ts';

export default class ServerNew extends BaseCommand {
  static override readonly summary = 'Prepare the data directory of one server, on its own host';
  static override readonly description =
    'Makes the key of a new server, which never leaves this host, and prints the [[server]] ' +
    'table for the RLF. An administrator adds that to the RLF and signs it; then the server can ' +
    'join.';
  static override readonly examples = [
    '<%= config.bin %> server new --data /var/lib/lm --name D --address license4.example.com:5930',
  ];
  static override readonly flags = {
    data: Flags.string({
      description: 'Data directory: a new or an empty one, on a local disk.',
      env: 'LM_DATA',
      helpValue: 'DIR',
      required: true,
    }),
    name: textFlag('NAME', 'Name of the server in its pool.', nameProblem),
    address: Flags.custom<string>({
      helpValue: 'HOST:PORT',
      parse: async (text) => formatAddress(parseAddress(text)),
    })({ description: 'Where clients and servers reach it. Port: 5930.', required: true }),
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(ServerNew);
    const { data, name, address } = flags;
    process.umask(0o077);
    const { createIdentity } = await import('../../net/identity.ts');
    const { prepareDataDirectory } = await import('../../engine/io/data-directory.ts');
    const identity = await createIdentity(name);
    await prepareDataDirectory(data, { server: name, pool: null, identity, founding: null });
    const server = { name, address, fingerprint: identity.fingerprint };
    if (flags.json) return this.printJson(server);
    process.stdout.write(serverTable(server));
    this.tell(`Prepared ${data}. Add the table above to the RLF, and sign it.`);
  }
}
