import { Administrator, adminFlags } from '../shared/admin.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { connectFlags, openClient } from '../shared/connect.ts';

export default class SecretRotate extends BaseCommand {
  static override readonly summary = "Give the pool a new secret for its clients' tickets";
  static override readonly description =
    `Has the pool sign tickets by a new secret from now on: when
somebody may have read the data directory of a server, say. No seat is lost by it: tickets of the
secrets before it are good for 25 hours more, longer than any seat lives without a new one.`;
  static override readonly examples = ['<%= config.bin %> secret rotate --admin-key admin.key'];
  static override readonly flags = { ...adminFlags, ...connectFlags, json: BaseCommand.json };

  override async run(): Promise<void> {
    const { flags } = await this.parse(SecretRotate);
    const client = await openClient(flags);
    try {
      const administrator = await Administrator.open(client, flags['admin-key']);
      const { generation } = await administrator.carryOut({ act: 'rotate-secret' });
      if (flags.json) this.printJson({ generation });
      else this.tell(`The pool has a new secret, its number ${String(generation)}.`);
    } finally {
      await client.close();
    }
  }
}
