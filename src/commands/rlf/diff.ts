import { describeDifference } from '../../engine/license/difference.ts';
import type { RlfDraft } from '../../engine/license/rlf.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { connectFlags, openClient } from '../shared/connect.ts';
import { Args } from '../shared/oclif.ts';
import { printable } from '../shared/printable.ts';
import { readDraftFile } from '../shared/rlf-files.ts';

export default class RlfDiff extends BaseCommand {
  static override readonly summary = 'Say in words what changes from one RLF to another';
  static override readonly description =
    'Compares what two RLFs mean: servers, keys, licenses with limits, dates, policies and ' +
    'distributions. With one RLF, compares it with the live pool: says, too, which seats would ' +
    'move at once and which are in use, who holds seats beyond a new limit, and whether the pool ' +
    'would refuse it. Takes an RLF that is not signed yet, and says so. Ends with exit code 0 ' +
    'whether or not they differ.';
  static override readonly examples = [
    '<%= config.bin %> rlf diff old.toml pool.toml',
    '<%= config.bin %> rlf diff pool.toml --pool cad-east.pool',
    'git show HEAD:pool.toml | <%= config.bin %> rlf diff - pool.toml --json',
  ];
  static override readonly args = {
    old: Args.string({
      description: 'The RLF before, - for standard input; alone, the one to compare the pool with.',
      ignoreStdin: true,
      name: 'OLD',
      required: true,
    }),
    new: Args.string({ description: 'The RLF after.', ignoreStdin: true, name: 'NEW' }),
  };
  static override readonly flags = { ...connectFlags, json: BaseCommand.json };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(RlfDiff);
    const first = await this.#read(args.old);
    if (args.new === undefined) {
      const { outlookOf, outlookDocument, outlookWords } = await import('../shared/rlf-outlook.ts');
      const client = await openClient(flags);
      try {
        const outlook = await outlookOf(client, first);
        if (flags.json) this.printJson(outlookDocument(outlook));
        else for (const line of outlookWords(outlook)) process.stdout.write(`${line}\n`);
      } finally {
        await client.close();
      }
      return;
    }
    const [before, after] = [first.rlf, (await this.#read(args.new)).rlf];
    const changes = describeDifference(before, after);
    if (flags.json) return this.printJson({ same: before.digest === after.digest, changes });
    for (const { words } of changes) process.stdout.write(`${printable(words)}\n`);
    if (changes.length === 0) this.tell('No difference.');
  }

  async #read(path: string): Promise<RlfDraft> {
    const draft = await readDraftFile(path);
    const { signatureError } = draft;
    if (signatureError !== null) this.tell(`${path}: ${printable(signatureError.message)}`);
    return draft;
  }
}
