/**
 * A simulated pool whose servers run different versions of lm: each start may be of a later one, or
 * of an earlier one, and an administrator has the format of the pool raised at any moment.
 */
import { check } from '../failure.ts';
import type { Random } from '../random.ts';
import { Administrator } from './administrator.ts';
import type { PoolOptions } from './options.ts';
import type { PoolProcess, PoolServer } from './server.ts';
import type { PoolWorld } from './world.ts';

/** What the latest version of lm understands. */
const FORMATS = 3;
const UPGRADE_AGAIN_MS = 2_000;
/** Once all servers run the latest version, the format is raised within this time. */
const RAISED_MS_MAX = 120_000;
/** Numbers of acts, beyond those of whoever runs the pool. */
const ACTS_FROM = 1_000_000;

/** Often, where disks are set back at all: most are found out before they caught up. */
const RESTORE_MS = 8_000;

/**
 * The same; but servers are restarted beside, so that seats may be lost in any mode. A server that
 * is set back starts unseen until it counts further than before. No commuters: a request of theirs
 * that comes twice may be denied, given up, and granted then.
 */
export function optionsForUpgrade({ mode, clients, faults, ...options }: PoolOptions): PoolOptions {
  return {
    ...options,
    mode: mode === 'fail-over' ? 'hostile' : mode,
    clients: { ...clients, commuters: 0 },
    faults: { ...faults, restoreMs: faults.restoreMs === null ? null : RESTORE_MS },
  };
}

export class PoolUpgrade {
  readonly #world: PoolWorld;
  readonly #random: Random;
  readonly #administrator: Administrator;
  /** The latest version that ran at each server. */
  readonly #ran = new Map<PoolServer, number>();
  readonly #restartMs: number;
  readonly #upgradeMs: number;
  /** The format in force, as far as any server applied it. */
  #format = 1;
  readonly counts = { caughtUp: 0, restarts: 0, setBack: 0, upgrades: 0, raised: 0, outdated: 0 };

  constructor(world: PoolWorld, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#administrator = new Administrator(world, random.fork(), ACTS_FROM);
    this.#restartMs = random.pick([4_000, 12_000, 30_000]);
    this.#upgradeMs = random.pick([1_000, 4_000, 15_000]);
  }

  start(): void {
    this.#every(this.#restartMs, () => {
      this.counts.restarts++;
      this.#world.kill(this.#random.pick(this.#world.servers), false);
    });
    this.#every(this.#upgradeMs, () => {
      if (this.#administrator.upgrade()) this.counts.upgrades++;
    });
  }

  /** It is about to start: which version is it? One that was refused is not tried again. */
  starts(server: PoolServer): void {
    const { faults, agenda, options } = this.#world;
    const share = 1.3 * (agenda.now / options.durationMs);
    const random = this.#random;
    const drawn = 1 + Number(random.chance(share)) + Number(random.chance(share - 0.4));
    const before = server.formatMax;
    server.formatMax = faults.stopped ? FORMATS : Math.max(server.formatMin, drawn);
    if (server.formatMax < before) this.counts.setBack++;
    this.#ran.set(server, Math.max(server.formatMax, this.#ran.get(server) ?? 1));
    this.#world.trace(() => `${server.name} understands format ${server.formatMax}`);
  }

  turned({ server, core }: PoolProcess): void {
    const { current } = core.state.format;
    const facts = () => ({ server: server.name, current, understood: server.formatMax });
    check(current <= server.formatMax, 'nobody applies what it does not understand', facts);
    if (current <= this.#format) return;
    this.#format = current;
    this.counts.raised++;
    for (const other of this.#world.servers) {
      const ran = this.#ran.get(other) ?? 0;
      check(ran >= current, 'the format is raised once all servers understand it', () => {
        return { server: other.name, current, ran };
      });
    }
  }

  /** The latest version runs everywhere from now on. */
  settle(): void {
    for (const server of this.#world.servers) {
      if (server.process !== null && server.formatMax < FORMATS) server.kill();
    }
  }

  /** By then the format can be raised to the latest. */
  finish(): void {
    const world = this.#world;
    const { agenda } = world;
    const up = () =>
      world.servers.flatMap(({ process, banned }) => process ?? (banned ? [] : null));
    const formats = () => up().map((process) => process?.core.state.format.current);
    // One that stays down for good is in the way for good.
    const isWhole = world.servers.every(({ banned }) => !banned);
    const wanted = isWhole ? FORMATS : this.#format;
    const isRaised = () => formats().every((format) => format === wanted);
    const end = agenda.now + RAISED_MS_MAX;
    while (agenda.now < end && !isRaised()) {
      this.#administrator.upgrade();
      world.runUntil(agenda.now + UPGRADE_AGAIN_MS);
    }
    check(isRaised(), 'the format is raised in the end', () => ({ wanted, formats: formats() }));
  }

  #every(meanMs: number, happen: () => void): void {
    this.#world.agenda.after(this.#random.exponential(meanMs), () => {
      if (this.#world.faults.stopped) return;
      happen();
      this.#every(meanMs, happen);
    });
  }
}
