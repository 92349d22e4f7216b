/**
 * The grant window (DESIGN section 6): the span in which this server may issue and renew. A
 * follower's ends W after it sent the newest ack whose number its leader echoed; the leader's ends
 * W after it sent the newest heartbeat round that a majority acked.
 */
import { ECHO_SPACING_MS, ECHOES_MAX, WINDOW_MS } from '../limits.ts';

export class GrantWindow {
  #end = Number.NEGATIVE_INFINITY;
  /** When acks and rounds were sent that may still count, oldest first. */
  readonly #acks = new Map<number, number>();
  readonly #rounds = new Map<number, number>();
  /** Of the last ack. Never used twice in one run of a server. */
  #number = 0;

  isOpen(now: number): boolean {
    return now < this.#end;
  }

  /** When it closes, boot-time clock; in the past where it is closed. */
  get end(): number {
    return this.#end;
  }

  /**
   * A follower is about to send an ack: its number. Acks that follow each other closely share one,
   * and the time of the first, or a flood of them would push out those that are still on their way.
   */
  ack(now: number): number {
    const sentAt = this.#acks.get(this.#number);
    if (sentAt !== undefined && now - sentAt < ECHO_SPACING_MS) return this.#number;
    this.#number += 1;
    remember(this.#acks, this.#number, now);
    return this.#number;
  }

  /** The leader echoed it. */
  echoed(number: number): void {
    this.#extend(this.#acks, number);
  }

  /** A leader is about to send this heartbeat round. */
  round(round: number, now: number): void {
    remember(this.#rounds, round, now);
  }

  /** A majority acked it. */
  acked(round: number): void {
    this.#extend(this.#rounds, round);
  }

  /** Ack times and echoes die with the term, with the session, and when the clock jumped. */
  forget(): void {
    this.#acks.clear();
    this.#rounds.clear();
  }

  #extend(sent: Map<number, number>, number: number): void {
    const at = sent.get(number);
    if (at === undefined) return;
    this.#end = Math.max(this.#end, at + WINDOW_MS);
    for (const earlier of sent.keys()) {
      if (earlier > number) break;
      sent.delete(earlier);
    }
  }
}

function remember(sent: Map<number, number>, number: number, now: number): void {
  sent.set(number, now);
  if (sent.size <= ECHOES_MAX) return;
  const [oldest] = sent.keys();
  if (oldest !== undefined) sent.delete(oldest);
}
