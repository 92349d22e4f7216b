/** What goes wrong in a simulation, and the pushes of its administrator. */
import { MessageType } from '../../src/engine/messages.ts';
import type { Fate } from './disk.ts';
import type { FaultOptions } from './options.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

const SECOND = 1_000;
const DAY = 24 * 3_600 * SECOND;

export class Faults {
  readonly #world: World;
  readonly #options: FaultOptions;
  readonly #random: Random;
  #stopped = false;
  readonly counts = { kills: 0, powerCuts: 0, failedCommits: 0, suspends: 0, pushes: 0, cuts: 0 };

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#options = world.options.faults;
    this.#random = random;
  }

  start(): void {
    const { killMs, powerMs, suspendMs, wallJumpMs, pushMs, cutMs, vanishMs } = this.#options;
    this.#every(killMs, () => this.#kill(false));
    this.#every(powerMs, () => this.#kill(true));
    this.#every(suspendMs, () => this.#suspend());
    this.#every(wallJumpMs, () => this.#jump());
    this.#every(pushMs, () => this.#push());
    this.#every(cutMs, () => this.#cut());
    this.#every(vanishMs, () => this.#vanish());
    this.#every(7 * SECOND, () => this.#look());
  }

  stop(): void {
    this.#stopped = true;
  }

  fateOfCommit(random: Random): Fate {
    if (this.#stopped || !random.chance(this.#options.commitFailure)) return 'flushed';
    this.counts.failedCommits++;
    return random.chance(0.5) ? 'failed, kept' : 'failed, lost';
  }

  /** How long a server that died stays down, in true milliseconds. */
  downMs(): number {
    return this.#random.exponential(this.#options.downMs);
  }

  /** In the midst of sending. */
  dies(): boolean {
    return !this.#stopped && this.#random.chance(this.#options.commitFailure / 2);
  }

  #every(meanMs: number | null, happen: () => void): void {
    if (meanMs === null) return;
    this.#world.agenda.after(this.#random.exponential(meanMs), () => {
      if (this.#stopped) return;
      happen();
      this.#every(meanMs, happen);
    });
  }

  #kill(power: boolean): void {
    if (power) this.counts.powerCuts++;
    else this.counts.kills++;
    this.#world.stopServer(power);
  }

  #suspend(): void {
    this.counts.suspends++;
    const { server, clients } = this.#world;
    const forMs = this.#random.exponential(40 * SECOND);
    const all = this.#random.chance(0.3);
    const one = this.#random.chance(0.5) ? server : this.#random.pick(clients);
    for (const { host } of all ? [server, ...clients] : [one]) host.sleep(forMs);
    this.#world.trace(() => `${all ? 'everybody' : one === server ? 'the server' : 'one'} sleeps`);
  }

  #jump(): void {
    const far = this.#random.chance(0.5) ? DAY : 60 * SECOND;
    this.#world.server.host.jumpWall(Math.round(this.#random.between(-far, far)));
  }

  #push(): void {
    const { server } = this.#world;
    if (server.process === null) return;
    this.counts.pushes++;
    // Now and then an old one, which changes nothing.
    const old = this.#random.chance(0.1);
    const { sequence } = old ? { sequence: 1 } : this.#world.newGrants();
    if (old && server.process.core.state.rlf.sequence === 1) return;
    this.#world.trace(() => `RLF ${sequence} is offered`);
    server.offer(this.#world.rlf(sequence));
  }

  #cut(): void {
    this.counts.cuts++;
    const { path } = this.#random.pick(this.#world.clients);
    const forMs = this.#random.exponential(30 * SECOND);
    if (this.#random.chance(0.7)) path.cut('up', forMs);
    if (this.#random.chance(0.7)) path.cut('down', forMs);
  }

  #vanish(): void {
    this.#random.pick(this.#world.clients).vanish(this.#random.exponential(10 * SECOND));
  }

  /** Somebody looks at the status. */
  #look(): void {
    const client = this.#random.pick(this.#world.clients);
    const watcher = this.#world.connect(client, 0);
    this.#world.carry(watcher, [MessageType.status, 0xffffffff, null, null, null, null]);
    this.#world.disconnect(watcher, false);
  }
}
