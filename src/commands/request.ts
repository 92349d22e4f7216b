import { BaseCommand } from './shared/base-command.ts';
import { connectFlags, openClient } from './shared/connect.ts';
import { durationFlag } from './shared/duration.ts';
import { Interrupted, interruptible } from './shared/interrupt.ts';
import { waitingProgress } from './shared/progress.ts';
import { seatDocument } from './shared/seat-document.ts';
import { applicationArg, requestOf, seatFlags } from './shared/seat-flags.ts';

export default class Request extends BaseCommand {
  static override readonly summary = 'Ask for a seat and print its key';
  static override readonly description = `Prints the key of the seat on standard output. The key is
opaque and secret: whoever has it can give the seat back. The seat lives for its key lifetime; lm
renew starts that anew, lm release ends it. To hold a seat for as long as a program runs, use
lm exec.

With --wait, the request takes its place in the line; it also waits while no server is reachable or
none has a majority.`;
  static override readonly examples = [
    '<%= config.bin %> request Application',
    '<%= config.bin %> request Application --version 2.0 -n 4 --wait 30m',
    'KEY=$(<%= config.bin %> request Application) && echo "$KEY" | <%= config.bin %> release -',
  ];
  static override readonly args = { application: applicationArg };
  static override readonly flags = {
    ...seatFlags,
    hold: durationFlag({
      description: 'Keep the seat this long without heartbeats, at most 24h; then it ends.',
    }),
    ...connectFlags,
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Request);
    const client = await openClient(flags);
    const progress = waitingProgress(args.application);
    try {
      const options = { ...requestOf(args.application, flags), holdMs: flags.hold };
      const { onWaiting } = progress;
      const seat = await interruptible((signal) =>
        client.request({ ...options, onWaiting, signal }),
      );
      const { key } = seat;
      const document = seatDocument(seat);
      seat.detach();
      if (flags.json) this.printJson({ key, ...document });
      else process.stdout.write(`${key}\n`);
    } catch (error) {
      if (error instanceof Interrupted) this.exit(error.exitCode);
      throw error;
    } finally {
      progress.stop();
      await client.close();
    }
  }
}
