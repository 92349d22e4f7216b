import { LmError } from '../engine/errors.ts';
import { BaseCommand } from './shared/base-command.ts';
import { type ConnectFlags, connectFlags, openClient } from './shared/connect.ts';
import { durationFlag } from './shared/duration.ts';
import { failureReport, outcomeReport, writeReport } from './shared/exec-report.ts';
import { reportFailure } from './shared/failure.ts';
import { heldSeat, taken } from './shared/held-seat.ts';
import { Interrupted } from './shared/interrupt.ts';
import { checkRunnable, type Inherited, NotRunnable } from './shared/launch.ts';
import { Flags } from './shared/oclif.ts';
import { INHERITED_DESCRIPTORS, ignoredSignals } from './shared/process-facts.ts';
import { waitingProgress } from './shared/progress.ts';
import { type Outcome, type Run, runOnSeat } from './shared/run-on-seat.ts';
import { requestOf, type SeatFlags, seatFlags } from './shared/seat-flags.ts';
import { SignalRelay } from './shared/signal-relay.ts';

const GRACE_MS = 30_000;

export default class Exec extends BaseCommand {
  static override readonly summary = 'Run a command that holds a seat for as long as it runs';
  static override readonly description = `Asks for a seat, runs COMMAND with the same standard
input, output and error, and gives the seat back when COMMAND ends, however it ends. Exits as
COMMAND did, or 128 + n where signal n ended it; 126 where COMMAND is not executable, 127 where
there is none. Signals are passed on. Nothing is written to standard output.

The seat is renewed by itself. Should it be lost everywhere, COMMAND gets SIGTERM, and SIGKILL after
the grace, and lm exits 79; --on-loss warn lets it run on, with a warning. A seat is also lost while
lm itself is stopped (Ctrl-Z) for longer than the key lifetime.

With --commuter, COMMAND runs on a commuted seat: any number of times, and without the network,
until the end of the seat. At its end, or when it is checked in, it is lost as above.

If lm is killed with SIGKILL, COMMAND runs on without a seat being renewed for it; the seat comes
back after its key lifetime.`;
  static override readonly usage = 'exec --app APPLICATION [flags] -- COMMAND [ARG...]';
  static override readonly examples = [
    '<%= config.bin %> exec --app Application -- ./simulate model.dat',
    '<%= config.bin %> exec --app Application --version 2.0 --wait 8h -- make timing',
    "<%= config.bin %> exec --app Application -- sh -c 'produce | consume > out'",
    '<%= config.bin %> exec --commuter cad.seat -- cad drawing.dwg',
  ];
  static override readonly flags = {
    app: Flags.string({
      description: 'The application, as its license names it. Needed unless --commuter is given.',
      aliases: ['application'],
      helpValue: 'APPLICATION',
    }),
    commuter: Flags.string({
      description: 'Run on the seat that lm commute out wrote to this file; no server is asked.',
      helpValue: 'FILE',
      exclusive: ['key-file', 'wait'],
    }),
    ...seatFlags,
    'key-file': Flags.string({
      description:
        "Keep the seat's key in this file while COMMAND runs. If it holds a key already, of " +
        'lm request --hold, that seat is taken over instead of asking for one.',
      helpValue: 'FILE',
    }),
    'on-loss': Flags.option({ options: ['terminate', 'warn'] as const })({
      description: 'What becomes of COMMAND when the seat is lost.',
      default: 'terminate',
    }),
    grace: durationFlag({
      description: 'Between SIGTERM and SIGKILL, when the seat is lost. Default: 30s.',
    }),
    'denied-exit': Flags.integer({
      description: 'Exit with this where no seat was had, whatever the reason.',
      helpValue: 'N',
      min: 0,
      max: 255,
    }),
    report: Flags.string({
      description: 'Write what happened to this file, as JSON.',
      helpValue: 'FILE',
    }),
    ...connectFlags,
  };

  override async run(): Promise<void> {
    const split = this.argv.indexOf('--');
    const own = split === -1 ? this.argv : this.argv.slice(0, split);
    const command = split === -1 ? [] : this.argv.slice(split + 1);
    const { flags } = await this.parse(Exec, own);
    const inherited = { ignored: ignoredSignals(), descriptors: INHERITED_DESCRIPTORS };
    const signals = new SignalRelay(inherited.ignored);
    try {
      const outcome = await this.#run(command, { flags, signals, inherited });
      process.exitCode = outcome.exitCode;
      if (flags.report !== undefined) writeReport(flags.report, outcomeReport(outcome));
    } catch (error) {
      process.exitCode = this.#failed(error, flags['denied-exit']);
      if (flags.report === undefined) return;
      writeReport(flags.report, failureReport(error, process.exitCode));
    } finally {
      signals.stop();
    }
  }

  async #run(command: readonly string[], { flags, signals, inherited }: Setting): Promise<Outcome> {
    checkRunnable(command[0]);
    const { grace: graceMs = GRACE_MS, 'on-loss': onLoss, 'key-file': keyFile } = flags;
    const policy = { graceMs, onLoss, keyFile, tell: (line: string) => this.tell(line) };
    const run = { command, signals, inherited, policy };
    if (flags.commuter !== undefined) return await this.#commute(flags.commuter, flags, run);
    const { app } = flags;
    if (app === undefined) {
      const hint = 'Name the application with --app, or the file of a seat with --commuter.';
      throw new LmError('usage', 'Which application is to run?', hint);
    }
    const held = await heldSeat(keyFile, app);
    const client = await openClient(flags, held === null ? {} : { instance: held.instance });
    const progress = waitingProgress(app);
    try {
      const { onWaiting } = progress;
      const asked = { ...requestOf(app, flags), onWaiting, signal: signals.interrupted };
      const seat = (await taken(client, held)) ?? (await client.request(asked));
      progress.stop();
      return await runOnSeat({ ...run, seat });
    } finally {
      progress.stop();
      await client.close();
    }
  }

  /** On a seat that is here already. */
  async #commute(file: string, flags: Setting['flags'], run: Omit<Run, 'seat'>): Promise<Outcome> {
    const client = await openClient(flags);
    const seat = await client.openCommuter(file);
    try {
      if (flags.app === undefined || flags.app.normalize('NFC') === seat.application) {
        return await runOnSeat({ ...run, seat });
      }
      const message = `${file} holds a seat of ${seat.application}, and ${flags.app} is to be run.`;
      throw new LmError('config', message, 'Name another file, or the application of that seat.');
    } finally {
      await seat.release();
      await client.close();
    }
  }

  /** Says what failed, and returns the exit code. */
  #failed(error: unknown, deniedExit: number | undefined): number {
    if (error instanceof Interrupted) return error.exitCode;
    if (error instanceof NotRunnable) {
      this.tell(`lm: ${error.message}`);
      return error.exitCode;
    }
    reportFailure(error, []);
    const denied = error instanceof LmError && error.code !== 'usage';
    return (denied ? deniedExit : undefined) ?? Number(process.exitCode);
  }
}

interface Setting {
  readonly flags: SeatFlags &
    ConnectFlags & {
      readonly app: string | undefined;
      readonly commuter: string | undefined;
      readonly 'key-file': string | undefined;
      readonly 'on-loss': 'terminate' | 'warn';
      readonly grace: number | undefined;
    };
  readonly signals: SignalRelay;
  readonly inherited: Inherited;
}
