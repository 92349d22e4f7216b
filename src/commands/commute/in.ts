import { existsSync } from 'node:fs';
import { LmError } from '../../engine/errors.ts';
import { bytesOfBase64url } from '../../engine/license/base64url.ts';
import { ID_BYTES } from '../../engine/seat-key.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { connectFlags, openClient } from '../shared/connect.ts';
import { Args } from '../shared/oclif.ts';
import { printable } from '../shared/printable.ts';

export default class CommuteIn extends BaseCommand {
  static override readonly summary = 'Give a commuted seat back';
  static override readonly description =
    `Gives back the seat that lm commute out wrote to FILE, early
and at any server of the pool. First the file is disabled, then the programs that run on it are
ended, and then the pool is told. If it is interrupted, or no server can be reached, run it again:
it goes on where it was. Checking in twice is no error.

A seat whose file is lost can't be given back: it comes back by itself an hour after its end. An
administrator can write it off sooner: lm evict ID --force.`;
  static override readonly examples = [
    '<%= config.bin %> commute in cad.seat',
    '<%= config.bin %> commute in cad.seat --json',
  ];
  static override readonly args = {
    file: Args.string({
      description: 'The file, as lm commute out wrote it.',
      ignoreStdin: true,
      name: 'FILE',
      required: true,
    }),
  };
  static override readonly flags = { ...connectFlags, json: BaseCommand.json };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(CommuteIn);
    refuseId(args.file);
    const client = await openClient(flags);
    try {
      const { id, application, released, count } = await client.commuteIn(args.file);
      if (flags.json) this.printJson({ id, application, released, count });
      else if (released) this.tell(`Checked in ${printable(application)}: ${id}.`);
      else this.tell('The seat had come back already.');
    } finally {
      await client.close();
    }
  }
}

/** Without its file nobody can tell whether somebody runs on the seat. */
function refuseId(text: string): void {
  if (existsSync(text) || bytesOfBase64url(text)?.length !== ID_BYTES) return;
  throw new LmError(
    'not-authorized',
    'A commuted seat is given back by its file: without it nobody knows whether it is in use.',
    `Name the file. If it is lost, an administrator can write the seat off: lm evict ${text}.`,
  );
}
