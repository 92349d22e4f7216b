/** What this server tells its leader: with every ack, and in between when there is news. */
import { REPORT_INTERVAL_MS, REPORT_ROWS_MAX } from '../limits.ts';
import type { Time } from '../time.ts';
import type { Pool } from './pool.ts';
import { encodeReport, type Usage } from './report.ts';

export class Reporter {
  readonly #pool: Pool;
  readonly #boot: number;
  readonly #licenseTime: (time: Time) => number;
  /** By license: what it is now, and the number of the change that made it so. */
  readonly #usage = new Map<string, Usage & { readonly change: number }>();
  /** Counts changes of usage, and how far the leader confirmed them. */
  #change = 0;
  #confirmed = 0;
  #reported = 0;
  #read = 0;
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(
    pool: Pool,
    options: { readonly boot: number; readonly licenseTime: (time: Time) => number },
  ) {
    this.#pool = pool;
    this.#boot = options.boot;
    this.#licenseTime = options.licenseTime;
  }

  /** Rows whose usage changed. */
  changed(rows: readonly Usage[], { now, urgent }: { now: number; urgent: boolean }): void {
    const before = this.#change;
    for (const row of rows) {
      if (isSame(row, this.#usage.get(row.license))) continue;
      this.#change += 1;
      // Sorted by change: what changed last stands last.
      this.#usage.delete(row.license);
      this.#usage.set(row.license, { ...row, change: this.#change });
    }
    if (this.#change === before) return;
    this.#dueAt = Math.min(this.#dueAt, urgent ? now : now + REPORT_INTERVAL_MS);
  }

  /** An RLF of this sequence was read here: the leader may put it in force. */
  hasRead(sequence: number, now: number): void {
    if (sequence <= this.#read) return;
    this.#read = sequence;
    this.#dueAt = Math.min(this.#dueAt, now);
  }

  /** The leader has everything up to this change; it says so of what this server told it. */
  confirmed(change: number): void {
    this.#confirmed = Math.min(change, this.#reported);
  }

  /** There is another leader, which knows nothing. */
  again(): void {
    this.#confirmed = 0;
    this.#reported = 0;
    // Under new numbers, so that a late word of the leader before confirms none of them.
    for (const [license, row] of [...this.#usage]) {
      this.#change += 1;
      this.#usage.set(license, { ...row, change: this.#change });
    }
    if (this.#usage.size > 0) this.#dueAt = Number.NEGATIVE_INFINITY;
  }

  usage(license: string): Usage | null {
    return this.#usage.get(license) ?? null;
  }

  /** The leader knows this row as it is now; one that leads knows its own. */
  isKnown(license: string): boolean {
    if (this.#pool.leads) return true;
    return (this.#usage.get(license)?.change ?? 0) <= this.#confirmed;
  }

  get nextDue(): number {
    return this.#dueAt;
  }

  /** With an ack: numbered, so that the leader can echo it. */
  ack(time: Time): Uint8Array {
    const { session, window } = this.#pool;
    return this.#encode(time, session === null ? null : window.ack(time.boot));
  }

  report(time: Time): Uint8Array {
    return this.#encode(time, null);
  }

  #encode(time: Time, number: number | null): Uint8Array {
    const { clock, session, state, server, proposals, transaction } = this.#pool;
    const known = state.servers.get(server);
    const returns = session === null ? { fence: known?.fence ?? null } : null;
    const rows = this.#unconfirmed();
    const { first, bytes } = proposals.isDue(time.boot)
      ? proposals.take(time.boot)
      : { first: 0, bytes: [] };
    this.#dueAt = Number.POSITIVE_INFINITY;
    const report = {
      ...{ boot: this.#boot, transaction, session, number, returns },
      wall: this.#licenseTime(time),
      change: this.#reported,
      usage: rows,
      firstProposal: first,
      proposals: bytes,
      clock: clock.stamp(time.boot),
      rlf: state.rlf.sequence,
      read: this.#read,
      program: this.#pool.program,
    };
    return encodeReport(report);
  }

  #unconfirmed(): Usage[] {
    const rows: Usage[] = [];
    this.#reported = this.#change;
    if (this.#confirmed === this.#change) return rows;
    for (const row of this.#usage.values()) {
      if (row.change <= this.#confirmed) continue;
      if (rows.length >= REPORT_ROWS_MAX) {
        // The rest follows once these are confirmed.
        this.#reported = row.change - 1;
        break;
      }
      rows.push(row);
    }
    return rows;
  }
}

function isSame(a: Usage, b: Usage | undefined): boolean {
  if (b === undefined || a.inUse !== b.inUse || a.available !== b.available) return false;
  if (a.waiting !== b.waiting || a.waitingSeats !== b.waitingSeats) return false;
  return a.headCount === b.headCount && a.headSince === b.headSince;
}
