import { Args } from '@oclif/core';
import { LmError } from '../../engine/errors.ts';
import { describeDifference } from '../../engine/license/difference.ts';
import type { Rlf } from '../../engine/license/types.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { printable } from '../shared/printable.ts';
import { readDraftFile } from '../shared/rlf-files.ts';

export default class RlfDiff extends BaseCommand {
  static override readonly summary = 'Say in words what changes from one RLF to another';
  static override readonly description =
    'Compares what two RLFs mean: servers, keys, licenses with their limits, dates and ' +
    'distributions. Takes an RLF that is not signed yet, and says so. Ends with exit code 0 ' +
    'whether or not they differ.';
  static override readonly examples = [
    '<%= config.bin %> rlf diff old.toml pool.toml',
    'git show HEAD:pool.toml | <%= config.bin %> rlf diff - pool.toml --json',
  ];
  static override readonly args = {
    old: Args.string({
      description: 'The RLF before, - for standard input.',
      ignoreStdin: true,
      name: 'OLD',
      required: true,
    }),
    new: Args.string({ description: 'The RLF after.', ignoreStdin: true, name: 'NEW' }),
  };
  static override readonly flags = { json: BaseCommand.json };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(RlfDiff);
    if (args.new === undefined) {
      const hint = 'Name two files: OLD and NEW.';
      throw new LmError('usage', 'Comparing with the live pool is not possible yet.', hint);
    }
    const before = await this.#read(args.old);
    const after = await this.#read(args.new);
    const changes = describeDifference(before, after);
    if (flags.json) return this.printJson({ same: before.digest === after.digest, changes });
    for (const { words } of changes) process.stdout.write(`${printable(words)}\n`);
    if (changes.length === 0) this.tell('No difference.');
  }

  async #read(path: string): Promise<Rlf> {
    const { rlf, signatureError } = await readDraftFile(path);
    if (signatureError !== null) this.tell(`${path}: ${printable(signatureError.message)}`);
    return rlf;
  }
}
