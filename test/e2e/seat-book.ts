/**
 * What the clients know of their seats, kept apart from any server, and how it has to agree with
 * what a server says after a crash.
 */
import { keyId } from '../../src/engine/seat-key.ts';
import type { RawStatus } from './raw-client.ts';

/**
 * `asked` and `releasing` wait for an answer, and are in doubt once their server is dead; `held`
 * and `free` have had one.
 */
type State = 'asked' | 'held' | 'releasing' | 'free';

export interface BookedSeat {
  readonly key: Uint8Array;
  readonly id: string;
  readonly application: string;
  readonly count: number;
  state: State;
}

/** A license as the status shows it. */
export interface ShownLicense {
  readonly application: string;
  readonly hardLimit: number;
  readonly inUse: number;
  readonly freePool: number;
  readonly held: number;
  readonly deficit: number;
  readonly waiting: number;
  readonly distribution: readonly { readonly allocated: number; readonly inUse: number }[];
}

export class SeatBook {
  readonly #seats = new Map<string, BookedSeat>();
  /** Answers that should not have come. */
  readonly problems: string[] = [];

  add(key: Uint8Array, application: string, count: number): BookedSeat {
    const id = hex(keyId(key));
    const seat: BookedSeat = { key, id, application, count, state: 'asked' };
    this.#seats.set(id, seat);
    return seat;
  }

  in(state: State): BookedSeat[] {
    return [...this.#seats.values()].filter((seat) => seat.state === state);
  }

  /** Drops what can't be confused any more, so that a long run stays quick. */
  forget(seats: readonly BookedSeat[]): void {
    for (const { id } of seats) this.#seats.delete(id);
  }

  /** Where the server's word differs from what it acknowledged; empty if it keeps it. */
  disagreements({ document, authorizations }: RawStatus): string[] {
    const wrong: string[] = [];
    const shown = new Map<string, number>();
    const inUse = new Map<string, number>();
    for (const [idBytes, , application, , count] of authorizations) {
      const id = hex(idBytes as Uint8Array);
      if (shown.has(id)) wrong.push(`${id} is counted twice`);
      shown.set(id, Number(count));
      inUse.set(String(application), (inUse.get(String(application)) ?? 0) + Number(count));
      const seat = this.#seats.get(id);
      if (seat === undefined) wrong.push(`${id} is counted, and nobody holds it`);
      else if (seat.state === 'free') wrong.push(`${id} was given back, and is counted`);
      else if (seat.count !== count)
        wrong.push(`${id} has ${count} seats instead of ${seat.count}`);
    }
    for (const { id } of this.in('held')) {
      if (!shown.has(id)) wrong.push(`${id} was acknowledged, and is lost`);
    }
    for (const license of document['licenses'] as ShownLicense[]) {
      wrong.push(...imbalance(license, inUse.get(license.application) ?? 0));
    }
    return wrong;
  }
}

/** The rules of the accounts, as far as status shows them. */
function imbalance(license: ShownLicense, listed: number): string[] {
  const { application, hardLimit, inUse, freePool, held, deficit, distribution } = license;
  const allocated = distribution.reduce((sum, row) => sum + row.allocated, 0);
  const wrong: string[] = [];
  if (inUse !== listed) wrong.push(`${application}: ${inUse} in use, ${listed} listed`);
  if (inUse > allocated) wrong.push(`${application}: ${inUse} in use of ${allocated} allocated`);
  if (allocated + freePool + held !== hardLimit + deficit) {
    wrong.push(`${application}: the accounts do not balance: ${JSON.stringify(license)}`);
  }
  return wrong;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
