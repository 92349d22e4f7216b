/** Holders of one application in this process, and what they believe and run into. */
import { Random } from '../random.ts';
import { HeldSeats } from './held-seats.ts';
import { Holder, type Loss } from './holder.ts';
import type { PoolSite } from './pool-site.ts';
import { SeatRecord } from './seat-record.ts';

export interface CrewOptions {
  readonly count: number;
  readonly application: string;
  readonly limit: number;
  readonly seed: number;
  readonly waitMs: number;
  /** Codes of answers that are no problem. */
  readonly passing: ReadonlySet<string>;
}

export class Crew {
  readonly record: SeatRecord;
  readonly seats: HeldSeats;
  readonly holders: readonly Holder[];
  /** Seats that were lost, and what else should not be. */
  readonly problems: unknown[] = [];

  constructor(site: PoolSite, options: CrewOptions) {
    const { count, application, limit, seed, waitMs, passing } = options;
    this.record = new SeatRecord(new Map([[application, limit]]));
    this.seats = new HeldSeats(this.record);
    const hears = {
      lost: (loss: Loss) => this.problems.push(loss),
      problem: (words: string) => this.problems.push(words),
      answer: () => undefined,
    };
    this.holders = Array.from({ length: count }, (_, number) => {
      const client = site.connect();
      const random = new Random(seed + number);
      const about = { number, client, applications: [application], seats: this.seats, random };
      return new Holder({ ...about, hears, waitMs: () => waitMs, passing });
    });
  }
}
