import type { RlfDraft } from '../../engine/license/rlf.ts';
import type { Rlf } from '../../engine/license/types.ts';
import type { LicenseClient } from '../../net/client/license-client.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { connectFlags, openClient } from '../shared/connect.ts';
import { durationFlag } from '../shared/duration.ts';
import { Interrupted, interruptible } from '../shared/interrupt.ts';
import { liveLine } from '../shared/live-line.ts';
import { Args, Flags } from '../shared/oclif.ts';
import { naming, readDraftFile } from '../shared/rlf-files.ts';

const WAIT_MS_DEFAULT = 60_000;

export default class RlfPush extends BaseCommand {
  static override readonly summary = 'Put an RLF in force on the live pool';
  static override readonly description = `Gives a newer RLF to any server of the pool, and waits
until every server that is up has it in force. It goes to the leader first, then through the ledger
to all: nothing is taken down, and no seat is lost. It needs no key, since the RLF is signed and has
a higher sequence than the one in force. A server that is down gets it when it is back.

Whenever this is interrupted, the RLF is in force or it is not, on all servers alike; run the same
command again to go on. Licenses whose limit and distribution did not change keep their seats where
they are; the seats of the others move as they are free.

--dry-run changes nothing: it says what lm rlf diff says, and ends as the push would if the pool
would refuse the RLF.`;
  static override readonly examples = [
    '<%= config.bin %> rlf push pool.toml --pool cad-east.pool',
    '<%= config.bin %> rlf push pool.toml --dry-run',
  ];
  static override readonly args = {
    file: Args.string({
      description: 'The signed RLF, - for standard input.',
      ignoreStdin: true,
      name: 'FILE',
      required: true,
    }),
  };
  static override readonly flags = {
    'dry-run': Flags.boolean({ description: 'Say what would change, and change nothing.' }),
    wait: durationFlag({
      description:
        'How long to wait, also for a pool that can not be reached. Default: 1m once it is taken.',
    }),
    ...connectFlags,
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(RlfPush);
    const draft = await readDraftFile(args.file);
    const client = await openClient(flags);
    try {
      if (flags['dry-run']) await this.#try(client, draft, flags.json);
      else {
        const rlf = naming(args.file, () => signed(draft));
        await this.#push(client, rlf, { wait: flags.wait, json: flags.json });
      }
    } catch (error) {
      if (error instanceof Interrupted) this.exit(error.exitCode);
      throw error;
    } finally {
      await client.close();
    }
  }

  async #try(client: LicenseClient, draft: RlfDraft, json: boolean): Promise<void> {
    const { outlookOf, outlookDocument, outlookWords } = await import('../shared/rlf-outlook.ts');
    const outlook = await outlookOf(client, draft);
    const { refused } = outlook;
    if (!json) for (const line of outlookWords(outlook)) process.stdout.write(`${line}\n`);
    else if (refused === null) this.printJson(outlookDocument(outlook));
    if (refused !== null) throw refused;
  }

  async #push(
    client: LicenseClient,
    rlf: Rlf,
    { wait, json }: { wait: number | undefined; json: boolean },
  ): Promise<void> {
    const { awayOf, rollOut } = await import('../shared/rollout.ts');
    const line = liveLine();
    const { already, servers } = await interruptible((signal) => {
      const waitMs = wait ?? WAIT_MS_DEFAULT;
      const isPatient = wait !== undefined;
      return rollOut(client, rlf, { waitMs, isPatient, signal, onProgress: line.say });
    }).finally(line.stop);
    const { sequence, digest } = rlf;
    if (json) return this.printJson({ sequence, digest, already, servers });
    const away = awayOf(servers, sequence);
    const later = away.length === 0 ? '' : ` Not up, and to get it later: ${away.join(', ')}.`;
    this.tell(`RLF ${sequence} is in force${already ? ' already' : ''}.${later}`);
  }
}

function signed({ rlf, signatureError }: RlfDraft): Rlf {
  if (signatureError !== null) throw signatureError;
  return rlf;
}
