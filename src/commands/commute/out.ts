import { COMMUTER_DAYS_MAX } from '../../engine/limits.ts';
import { BaseCommand } from '../shared/base-command.ts';
import { connectFlags, openClient } from '../shared/connect.ts';
import { Interrupted, interruptible } from '../shared/interrupt.ts';
import { Flags } from '../shared/oclif.ts';
import { printable } from '../shared/printable.ts';
import { waitingProgress } from '../shared/progress.ts';
import { applicationArg, requestOf, seatFlags } from '../shared/seat-flags.ts';

export default class CommuteOut extends BaseCommand {
  static override readonly summary = 'Check a seat out, to be used without the network';
  static override readonly description =
    `Takes a seat out of the pool for some days and writes it to
FILE. lm exec --commuter FILE runs programs on it, on this machine, without asking any server,
until its end. The seat comes back by lm commute in, or by itself an hour after its end.

The license says for how many days, and how many of its seats at once. Where the license ends
sooner, so does the seat. FILE is secret, and bound to this machine. What stands beside it, as
FILE.clock, belongs to it.

If it is interrupted, run the same command again: it goes on, and takes no second seat.`;
  static override readonly examples = [
    '<%= config.bin %> commute out Application --days 5 -o cad.seat',
    '<%= config.bin %> commute out Application --version 2.0 --days 9 --wait 1h -o cad.seat',
  ];
  static override readonly args = { application: applicationArg };
  static override readonly flags = {
    days: Flags.integer({
      description: 'How long, in whole days.',
      helpValue: 'N',
      min: 1,
      max: COMMUTER_DAYS_MAX,
      required: true,
    }),
    output: Flags.string({
      char: 'o',
      description: 'File to write the seat to.',
      helpValue: 'FILE',
      required: true,
    }),
    ...seatFlags,
    ...connectFlags,
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(CommuteOut);
    const client = await openClient(flags);
    const progress = waitingProgress(args.application);
    try {
      const options = { ...requestOf(args.application, flags), days: flags.days };
      const { onWaiting } = progress;
      const seat = await interruptible((signal) =>
        client.commuteOut({ ...options, file: flags.output, onWaiting, signal }),
      );
      progress.stop();
      const { id, application, version, vendor, count, server, machine, verified } = seat;
      const expiresAt = new Date(seat.end).toISOString();
      const about = { id, application, version, vendor, count, server, expiresAt, machine };
      if (flags.json) this.printJson({ ...about, file: flags.output, verified });
      else this.tell(`Checked out ${printable(application)} ${version} until ${expiresAt}: ${id}.`);
    } catch (error) {
      if (error instanceof Interrupted) this.exit(error.exitCode);
      throw error;
    } finally {
      progress.stop();
      await client.close();
    }
  }
}
