/**
 * A simulated pool that loses its majority for good: those that are left restart it in a new epoch,
 * while everything else goes wrong as always. In the end one of the lost is back as it was.
 */
import { sampleServer } from '../../engine/sample-rlf.ts';
import type { Random } from '../random.ts';
import { drawPoolOptions, type PoolOptions } from './options.ts';
import type { PoolServer } from './server.ts';
import type { PoolWorld } from './world.ts';

const EPOCH = 2;
const OFFER_AGAIN_MS = 4_000;
const SURVIVORS_OF: Readonly<Record<number, readonly number[]>> = {
  3: [1],
  5: [1, 2, 2],
  7: [2, 3, 3],
};

/**
 * What only the lost can know is given up: seats in records, and RLFs. So there are none of them.
 */
export function optionsForRecovery(random: Random): PoolOptions {
  let drawn = drawPoolOptions(random);
  while (drawn.mode === 'fail-over' || drawn.mode === 'queue') drawn = drawPoolOptions(random);
  const never = { restoreMs: null, wallJumpMs: null, outageMs: null, pushMs: null, evictMs: null };
  const { licenses, clients, faults } = drawn;
  return {
    ...drawn,
    servers: random.pick([3, 5, 5, 7]),
    licenses: { ...licenses, dates: false },
    clients: { ...clients, holds: 0, commuters: 0 },
    faults: { ...faults, ...never },
  };
}

export class PoolRecovery {
  readonly #world: PoolWorld;
  readonly #random: Random;
  #survivors: readonly PoolServer[] = [];
  readonly counts = { recoveries: 0, leftBehind: 0 };

  constructor(world: PoolWorld, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  start(): void {
    const { agenda, options } = this.#world;
    const at = options.durationMs * this.#random.between(0.15, 0.6);
    agenda.after(at, () => this.#lose());
  }

  #lose(): void {
    const { servers, agenda, rlfs } = this.#world;
    const all = [...servers];
    const left = this.#random.pick(SURVIVORS_OF[all.length] ?? [1]);
    const survivors: PoolServer[] = [];
    while (survivors.length < left) {
      survivors.push(...all.splice(this.#random.integer(0, all.length - 1), 1));
    }
    this.#survivors = survivors;
    this.#world.trace(() => `gone for good: ${all.map(({ name }) => name).join(' ')}`);
    for (const server of all) {
      server.lost = true;
      this.#world.kill(server, this.#random.chance(0.5));
    }
    this.#world.observer.ledgers.restarts();
    const listed = survivors.map(({ name, place }) => sampleServer(name, place));
    const sequence = rlfs.drawRecovery(listed, EPOCH);
    agenda.after(this.#random.between(0, 20_000), () => this.#offer(sequence));
  }

  /** As an administrator does: until it is in force. */
  #offer(sequence: number): void {
    const { agenda } = this.#world;
    const isDone = ({ process }: PoolServer) => process?.core.state.epoch === EPOCH;
    if (this.#survivors.every(isDone)) {
      this.counts.recoveries++;
      this.#comeBack();
      return;
    }
    const up = this.#survivors.filter((one) => one.process !== null && !isDone(one));
    if (up.length > 0) this.#world.offer(this.#random.pick(up), sequence);
    agenda.after(OFFER_AGAIN_MS, () => this.#offer(sequence));
  }

  #comeBack(): void {
    const lost = this.#world.servers.filter((server) => server.lost);
    const server = this.#random.pick(lost);
    this.#world.agenda.after(this.#random.exponential(20_000), () => {
      server.isBack = true;
      this.#world.start(server, false);
    });
  }
}
