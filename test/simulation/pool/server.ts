/** One server of a simulated pool: the real core in the real node loop, on a machine of its own. */
import { Core } from '../../../src/engine/core.ts';
import type { PeerSend } from '../../../src/engine/effects.ts';
import { LmError } from '../../../src/engine/errors.ts';
import type { Event } from '../../../src/engine/event.ts';
import { FORMAT_MAX } from '../../../src/engine/ledger/format.ts';
import type { Rlf } from '../../../src/engine/license/types.ts';
import type { PeerGreeting } from '../../../src/engine/peer-messages.ts';
import { leftBehind } from '../../../src/engine/pool/epoch-peers.ts';
import type { Write } from '../../../src/engine/records.ts';
import { readStarts, withStart } from '../../../src/engine/starts.ts';
import { Node } from '../../../src/net/node.ts';
import { fingerprintOf } from '../../engine/sample-rlf.ts';
import { type Disk, SimulatedCrash } from '../disk.ts';
import type { Host } from '../host.ts';
import type { Random } from '../random.ts';
import { type Timers, timersOn, withTimers } from '../timers.ts';
import type { PoolServerOptions } from './options.ts';

/** One run of a server, from its start to its death. */
export interface PoolProcess {
  readonly server: PoolServer;
  /** How often this server started, this time included: no two processes of it share it. */
  readonly life: number;
  /** As its disk counts. */
  readonly boot: number;
  readonly core: Core;
  readonly node: Node;
  readonly timers: Timers;
  alive: boolean;
}

export interface PoolServerEvents {
  /** The server did something, and is at rest again. */
  readonly onTurn: (process: PoolProcess) => void;
  readonly onDeath: (server: PoolServer, process: PoolProcess | null) => void;
  readonly onSend: (process: PoolProcess, sends: readonly PeerSend[]) => void;
  /** Others, or its own records, say that its disk is older than what it once knew. */
  readonly onRolledBack: (server: PoolServer) => void;
  /** The pool was restarted without it. */
  readonly onLeftBehind: (server: PoolServer) => void;
  /** The pool has a format that its version of lm does not understand. */
  readonly onOutdated: (server: PoolServer) => void;
  /** An invariant broke, or something else that is a defect. */
  readonly onDefect: (error: unknown) => void;
}

/** Where a data directory counts its starts. */
const REFUSALS: ReadonlySet<string> = new Set(['config', 'busy']);
const BOOT_KEY = Buffer.from('mboot', 'latin1');
const STARTS_KEY = Buffer.from('mstarts', 'latin1');

export class PoolServer {
  readonly place: number;
  readonly id: string;
  readonly name: string;
  readonly host: Host;
  readonly disk: Disk;
  readonly #options: PoolServerOptions;
  readonly #random: Random;
  readonly #founding: Rlf;
  readonly #events: PoolServerEvents;
  #lives = 0;
  process: PoolProcess | null = null;
  /** It was given an older image of its disk: it must be refused. */
  restored = false;
  /** It was refused, and stays down. */
  banned = false;
  /** Its power failed: nobody hears that it is gone. */
  powerless = false;
  /** It stays down until it is let go. */
  held = false;
  /** It has left the pool, and stays down until an RLF lists it anew. */
  retired = false;
  /** One that was not there at the founding; it starts once it has an RLF that lists it. */
  readonly isSpare: boolean;
  joinsBy: Rlf | null = null;
  /** It is gone for good, with a majority; and it is back all the same, as it was. */
  lost = false;
  isBack = false;
  /** The highest format that its version of lm understands, and the least that it has to. */
  formatMax = FORMAT_MAX;
  formatMin = 1;
  /** Of whatever disk: no two of its starts are one. */
  #starts = 0;
  /** True time at which it last started. */
  startedAt = 0;
  /** True time until which its last turn takes. */
  busyUntil = 0;

  constructor(parts: {
    readonly place: number;
    readonly host: Host;
    readonly disk: Disk;
    readonly options: PoolServerOptions;
    readonly random: Random;
    readonly founding: Rlf;
    readonly isSpare: boolean;
    readonly events: PoolServerEvents;
  }) {
    this.place = parts.place;
    this.id = fingerprintOf(parts.place);
    this.name = String.fromCharCode(0x41 + parts.place);
    this.host = parts.host;
    this.disk = parts.disk;
    this.#options = parts.options;
    this.#random = parts.random;
    this.#founding = parts.founding;
    this.isSpare = parts.isSpare;
    this.#events = parts.events;
  }

  get leads(): boolean {
    return this.process?.core.leads === true;
  }

  /** As `lm serve` does it, with an RLF to offer or none; to be called when its host runs. */
  start(offered: Rlf | null): void {
    if (this.process !== null || !this.mayStart) return;
    this.startedAt = this.host.trueNow;
    try {
      this.process = this.#boot();
    } catch (error) {
      this.#failed(error);
      return;
    }
    const { node } = this.process;
    this.#turn(this.process, () => node.start());
    if (offered !== null || this.joinsBy !== null) this.offer(offered ?? this.joinsBy);
  }

  get mayStart(): boolean {
    const isListed = !this.isSpare || this.joinsBy !== null;
    if (this.lost && !this.isBack) return false;
    return isListed && !this.banned && !this.held && !this.retired;
  }

  /** kill -9, or worse: nothing more is done; what was flushed is on disk. */
  kill(): void {
    const { process } = this;
    if (process !== null) process.alive = false;
    this.process = null;
    this.#events.onDeath(this, process);
  }

  receive(event: Event): void {
    const { process } = this;
    if (process !== null) withTimers(process.timers, () => process.node.receive(event));
  }

  /** To be called when its host runs. */
  offer(rlf: Rlf | null): void {
    const { process } = this;
    if (process === null || rlf === null) return;
    this.#turn(process, () => {
      try {
        process.node.now({ type: 'offered', rlf });
      } catch (error) {
        if (!(error instanceof LmError)) throw error;
        const { code } = error;
        // It keeps none of those who are there, and changes nothing; or it is of another epoch.
        const isOld = code === 'bad-data' && rlf.recover !== null;
        const isElsewhere = this.lost && code === 'not-authorized';
        const isRefused = REFUSALS.has(code) || isOld || isElsewhere;
        if (!isRefused) throw error;
      }
    });
  }

  greeting(): PeerGreeting | null {
    const { process } = this;
    return process === null ? null : process.core.greeting(this.host.time);
  }

  /** Another server does not let it in: the pool was restarted without it, in that epoch. */
  leftBehind(epoch: number): void {
    this.#failed(leftBehind(epoch));
  }

  #boot(): PoolProcess {
    const before = this.disk.get(BOOT_KEY);
    const boot = 1 + (before === null ? 0 : Number(Buffer.from(before).toString()));
    const known = this.disk.get(STARTS_KEY);
    const earlier = readStarts(known === null ? [] : JSON.parse(Buffer.from(known).toString()));
    const start = ++this.#starts;
    const starts = withStart(earlier, [boot, start, this.disk.transaction + 1]);
    this.#commit([
      { key: BOOT_KEY, value: Buffer.from(String(boot)) },
      { key: STARTS_KEY, value: Buffer.from(JSON.stringify(starts)) },
    ]);
    const options = {
      server: this.id,
      name: this.name,
      boot,
      founding: this.isSpare ? this.joinsBy : this.#founding,
      joins: this.isSpare,
      secret: new Uint8Array(32).fill(1 + this.place + 16 * (boot % 8)),
      transaction: this.disk.transaction,
      start,
      earlier,
      program: { version: '', protocol: 1, format: this.formatMax },
    };
    const core = Core.recover(options, this.disk, this.host.time);
    const node = new Node({
      core,
      commit: (writes: readonly Write[]) => this.#commit(writes),
      sendPeers: (sends) => this.#events.onSend(process, sends),
      now: () => this.host.time,
      log: () => undefined,
      onFailure: (error: unknown) => this.#failed(error),
      onRestart: () => this.kill(),
    });
    const gatherMs = () => this.#random.exponential(this.#options.gatherMs);
    const timers = timersOn(this.host, gatherMs, (run) => () => {
      if (process.alive) this.#turn(process, run);
    });
    const life = ++this.#lives;
    const process = { server: this, life, boot, core, node, timers, alive: true };
    return process;
  }

  #turn(process: PoolProcess, run: () => void): void {
    withTimers(process.timers, run);
    this.busyUntil = this.host.trueNow;
    if (process.alive) this.#events.onTurn(process);
  }

  #commit(writes: readonly Write[]): void {
    const { flushMs, stalls, stallMs } = this.#options;
    this.host.take(this.#random.exponential(flushMs));
    if (this.#random.chance(stalls)) this.host.take(this.#random.exponential(stallMs));
    this.disk.commit(writes);
  }

  #isLeftBehind(error: unknown): boolean {
    const isRefused = error instanceof LmError && error.code === 'not-authorized';
    return isRefused && (this.lost || this.restored);
  }

  #failed(error: unknown): void {
    if (error instanceof SimulatedCrash) {
      this.kill();
    } else if (this.#isLeftBehind(error)) {
      this.banned = true;
      this.#events.onLeftBehind(this);
      this.kill();
    } else if (error instanceof LmError && error.code === 'rolled-back' && this.restored) {
      this.banned = true;
      this.#events.onRolledBack(this);
      this.kill();
    } else if (error instanceof LmError && isOfLaterFormat(error, this.formatMax)) {
      this.formatMin = Number(error.details['format']);
      this.#events.onOutdated(this);
      this.kill();
    } else {
      this.#events.onDefect(error);
    }
  }
}

function isOfLaterFormat({ code, details }: LmError, formatMax: number): boolean {
  return code === 'config' && Number(details['format']) > formatMax;
}
