/**
 * The link between two servers: a connection that comes up with greetings, carries messages, and is
 * refused, reset or cut, in one direction or both. Messages may be lost, late, repeated, and
 * overtake each other, at least across reconnects; none reaches another process than it was sent to.
 */
import type { PeerGreeting, PeerMessage } from '../../../src/engine/peer-messages.ts';
import { isSameEpoch } from '../../../src/engine/pool/epoch-peers.ts';
import type { Agenda } from '../agenda.ts';
import type { Path } from '../network.ts';
import type { Random } from '../random.ts';
import type { PoolOptions } from './options.ts';
import type { PoolProcess, PoolServer } from './server.ts';

/** What a link needs of the world around it. */
export interface LinkWorld {
  readonly agenda: Agenda;
  readonly calm: boolean;
  readonly options: PoolOptions;
  trace(line: () => string): void;
  carried(from: PoolServer, to: PoolServer, message: PeerMessage): void;
}

const RETRY_MS_MEAN = 400;
/** How long nobody finds out that a machine is gone, or that nothing comes through. */
const TIMEOUT_MS = { min: 4_000, max: 20_000 };

export class Link {
  readonly #world: LinkWorld;
  readonly #random: Random;
  readonly #ends: readonly [PoolServer, PoolServer];
  readonly path: Path;
  /** The processes that it connects, or would; null where it is down. */
  #processes: readonly [PoolProcess, PoolProcess] | null = null;
  /** Whether each end knows that it is up. */
  readonly #open = [false, false];
  #dialing = false;
  /** When the last message of this connection arrives, of each end's, in true time. */
  readonly #lastAt = [0, 0];
  /** Which end knew the other when that was last looked at. */
  #known = '';

  constructor(parts: {
    readonly world: LinkWorld;
    readonly random: Random;
    readonly ends: readonly [PoolServer, PoolServer];
    readonly path: Path;
  }) {
    this.#world = parts.world;
    this.#random = parts.random;
    this.#ends = parts.ends;
    this.path = parts.path;
  }

  connects(one: PoolServer, other: PoolServer): boolean {
    return this.#ends.includes(one) && this.#ends.includes(other) && one !== other;
  }

  has(server: PoolServer): boolean {
    return this.#ends.includes(server);
  }

  /** Nothing comes from that server to the other end for so long. */
  cut(from: PoolServer, forMs: number): void {
    this.path.cut(this.#ends[0] === from ? 'up' : 'down', forMs);
  }

  send(from: PoolProcess, message: PeerMessage): void {
    const side = this.#side(from.server);
    if (this.#processes?.[side] !== from || !this.#open[side]) return;
    const to = this.#processes[1 - side];
    if (to === undefined) return;
    const { agenda, options } = this.#world;
    for (const delay of this.#delays(side)) {
      let at = from.server.host.trueNow + delay;
      if (options.ordered) at = Math.max(at, this.#lastAt[side] ?? 0);
      this.#lastAt[side] = at;
      this.#later(to.server, at - agenda.now, () => this.#arrive(from.server, to, message));
      // What a connection repeats it does not show.
      if (options.ordered) return;
    }
  }

  /** A process died, or its machine did, which nobody hears. */
  died(server: PoolServer): void {
    const other = this.#ends[1 - this.#side(server)];
    if (this.#processes === null || other === undefined) return;
    const known = this.#processes;
    this.#close();
    if (server.powerless) this.#silent(other, known[1 - this.#side(server)]);
    else this.#tellGone(other, known[1 - this.#side(server)], server);
  }

  /** The connection breaks though both ends live. */
  reset(): void {
    const known = this.#processes;
    if (known === null) return;
    this.#close();
    for (const side of [0, 1] as const) {
      this.#tellGone(this.#ends[side], known[side], this.#ends[1 - side] ?? this.#ends[side]);
    }
    this.dial();
  }

  /** An end may know the other one now, or not any more: then its connection is another. */
  follow(): void {
    const [one, other] = this.#ends;
    const known = `${knows(one, other)} ${knows(other, one)}`;
    if (known === this.#known) return;
    this.#known = known;
    this.reset();
    this.dial();
  }

  /** Tries to connect, and again until it does, as long as an end is up. */
  dial(): void {
    if (this.#dialing || this.#processes !== null) return;
    this.#dialing = true;
    this.#world.agenda.after(this.#random.exponential(RETRY_MS_MEAN), () => {
      this.#dialing = false;
      this.#attempt();
    });
  }

  #attempt(): void {
    const up = ([0, 1] as const).filter((side) => {
      return knows(this.#ends[side], this.#ends[1 - side] ?? this.#ends[side]);
    });
    if (up.length === 0 || this.#processes !== null) return;
    const side = this.#random.pick(up);
    const [one, other] = [this.#ends[side], this.#ends[side === 0 ? 1 : 0]];
    const { process } = one;
    if (process === null) return;
    if (this.path.isCut('up') || this.path.isCut('down') || other.powerless) {
      this.#world.agenda.after(this.#random.between(1_000, 3_000), () => {
        this.#tellGone(one, process, other);
        this.dial();
      });
    } else if (other.process === null) {
      this.#tellGone(one, process, other);
      this.dial();
    } else {
      this.#connect(side, process, other.process);
    }
  }

  #connect(side: 0 | 1, one: PoolProcess, other: PoolProcess): void {
    const processes = side === 0 ? ([one, other] as const) : ([other, one] as const);
    this.#processes = processes;
    this.#lastAt.fill(0);
    const greeting = one.server.greeting();
    if (greeting === null) return;
    this.#later(other.server, this.#delay(), () => {
      if (this.#processes !== processes) return;
      const answer = other.server.greeting();
      if (answer === null) return;
      if (this.#isRefused(one, other, { greeting, answer })) return;
      // A stranger is let in, and no link is opened to it.
      if (knows(other.server, one.server)) this.#greet(one.server, other.server, greeting);
      this.#later(one.server, this.#delay(), () => {
        if (this.#processes === processes) this.#greet(other.server, one.server, answer);
      });
    });
  }

  /** As `refuseLeftBehind` does at a hello. */
  #isRefused(
    one: PoolProcess,
    other: PoolProcess,
    { greeting, answer }: { readonly greeting: PeerGreeting; readonly answer: PeerGreeting },
  ): boolean {
    const [theirs = 1, own = 0] = [greeting.epoch, answer.epoch];
    if (other.core.restart !== null || theirs >= own || isSameEpoch(theirs, own)) return false;
    this.#close();
    this.#later(one.server, this.#delay(), () => {
      if (one.server.process === one) one.server.leftBehind(own);
    });
    return true;
  }

  #greet(from: PoolServer, to: PoolServer, greeting: PeerGreeting): void {
    this.#open[this.#side(to)] = true;
    this.#world.trace(() => `${to.name} is linked to ${from.name} ${JSON.stringify(greeting)}`);
    to.receive({ type: 'linked', peer: from.id, greeting });
  }

  #arrive(from: PoolServer, to: PoolProcess, message: PeerMessage): void {
    if (!to.alive || (!knows(to.server, from) && message.type !== 'offer')) return;
    this.#world.carried(from, to.server, message);
    to.server.receive({ type: 'peer', from: from.id, message });
  }

  #tellGone(server: PoolServer, process: PoolProcess | undefined, gone: PoolServer): void {
    this.#later(server, this.#delay(), () => {
      if (process === undefined || server.process !== process) return;
      // It connected again before this was heard.
      if (this.#processes !== null && this.#open[this.#side(server)]) return;
      this.#world.trace(() => `${server.name} loses the link to ${gone.name}`);
      server.receive({ type: 'gone', peer: gone.id });
    });
    this.dial();
  }

  /** Nothing says that the other end is gone: that is found out some time. */
  #silent(server: PoolServer, process: PoolProcess | undefined): void {
    const other = this.#ends[1 - this.#side(server)];
    const { min, max } = TIMEOUT_MS;
    this.#world.agenda.after(this.#random.between(min, max), () => {
      if (other !== undefined && this.#processes === null) this.#tellGone(server, process, other);
    });
  }

  #close(): void {
    this.#processes = null;
    this.#open[0] = false;
    this.#open[1] = false;
  }

  #delays(side: 0 | 1): number[] {
    return this.path.delays(side === 0 ? 'up' : 'down', this.#world.calm);
  }

  /** Of what is not lost. */
  #delay(): number {
    return this.#random.exponential(5);
  }

  #later(server: PoolServer, ms: number, run: () => void): void {
    server.host.later(ms, run);
  }

  #side(server: PoolServer): 0 | 1 {
    return this.#ends[0] === server ? 0 : 1;
  }
}

/** It runs, and would dial the other one. */
function knows({ process }: PoolServer, other: PoolServer): boolean {
  return process?.core.peers.some(({ fingerprint }) => fingerprint === other.id) === true;
}
