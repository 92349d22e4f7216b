/**
 * The life of a command under `lm exec`: started on a seat, told of its loss, outlived by nothing.
 */
import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import { constants } from 'node:os';
import { LmError } from '../../engine/errors.ts';
import type { OfflineSeat } from '../../net/client/commuter/offline-seat.ts';
import type { Seat } from '../../net/client/seat.ts';
import { writeText } from './files.ts';
import { ended, type Inherited, launch } from './launch.ts';
import { printable } from './printable.ts';
import { type SeatDocument, seatDocument } from './seat-document.ts';
import type { SignalRelay } from './signal-relay.ts';

export interface RunPolicy {
  readonly onLoss: 'terminate' | 'warn';
  readonly graceMs: number;
  /** Where the key is kept meanwhile. */
  readonly keyFile: string | undefined;
  readonly tell: (line: string) => void;
}

/** Kept alive by a pool, or used without one. */
export type RunSeat = Seat | OfflineSeat;

export interface Run {
  readonly command: readonly string[];
  readonly seat: RunSeat;
  readonly signals: SignalRelay;
  readonly inherited: Inherited;
  readonly policy: RunPolicy;
}

export interface Outcome {
  readonly seat: SeatDocument;
  /** Of lm: as the command's, 128 + n for a signal, 79 where the seat was lost. */
  readonly exitCode: number;
  /** What ended the command, where a signal did. */
  readonly signal: string | null;
  readonly lost: boolean;
  readonly released: boolean;
  readonly startedAt: string;
  readonly endedAt: string;
}

const EXIT_LOST = 79;

/**
 * @throws NotRunnable; LmError `config` where the key can't be kept. The seat is released then too.
 */
export async function runOnSeat({
  command,
  seat,
  signals,
  inherited,
  policy,
}: Run): Promise<Outcome> {
  const { keyFile } = policy;
  try {
    const document = seatDocument(seat);
    keepKey(seat, keyFile);
    const startedAt = new Date().toISOString();
    if (!seat.valid) throw lostBefore(seat);
    const child = launch(command, inherited);
    signals.relayTo(child);
    if ('started' in seat) seat.started(child.pid, policy.graceMs);
    const watch = watchSeat(seat, child, policy);
    const { code, signal } = await ended(child, command[0] ?? '');
    watch.stop();
    const endedAt = new Date().toISOString();
    const released = await seat.release();
    const exitCode = watch.terminated ? EXIT_LOST : (code ?? 128 + numberOf(signal));
    return { seat: document, exitCode, signal, lost: watch.lost, released, startedAt, endedAt };
  } finally {
    await seat.release();
    if (keyFile !== undefined) rmSync(keyFile, { force: true });
  }
}

interface SeatWatch {
  readonly lost: boolean;
  /** The loss ended the command. */
  readonly terminated: boolean;
  readonly stop: () => void;
}

function watchSeat(seat: RunSeat, child: ChildProcess, policy: RunPolicy): SeatWatch {
  const { onLoss, graceMs, keyFile, tell } = policy;
  const watch = { lost: false, terminated: false, stop: () => {} };
  const onLost = (reason: LmError) => {
    watch.lost = true;
    if (onLoss === 'warn') {
      tell(`lm: ${printable(reason.message)} The command runs on without it.`);
      return;
    }
    tell(`lm: ${printable(reason.message)} The command is being ended.`);
    watch.terminated = true;
    seat.detach();
    child.kill('SIGTERM');
    // A stopped command would never hear of it.
    child.kill('SIGCONT');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    watch.stop = () => clearTimeout(timer);
  };
  seat.on('lost', onLost);
  seat.on('denied', (reason) => tell(`lm: ${printable(reason.message)}`));
  seat.on('regained', () => {
    tell(`lm: The command has a seat of ${printable(seat.application)} again.`);
    keepKey(seat, keyFile);
  });
  return watch;
}

function keepKey(seat: RunSeat, file: string | undefined): void {
  if (file !== undefined && 'key' in seat)
    writeText(file, `${seat.key}\n`, { mode: 0o600, replace: true });
}

function numberOf(signal: string | null): number {
  const entry = Object.entries(constants.signals).find(([name]) => name === signal);
  return entry?.[1] ?? 0;
}

/** The machine may have slept between the grant and the command. */
function lostBefore({ application }: RunSeat): LmError {
  const message = `The seat of ${application} ended before the command could be started.`;
  return new LmError('lost', message, 'Run it again.');
}
