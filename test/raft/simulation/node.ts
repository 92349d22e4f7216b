/** One simulated server: Raft, a disk that flushes in groups, a state machine and a clock. */
import type { Effects, Event, Notice } from '../../../src/engine/raft/events.ts';
import type { Message } from '../../../src/engine/raft/messages.ts';
import type { RaftOptions } from '../../../src/engine/raft/options.ts';
import type { Raft } from '../../../src/engine/raft/raft.ts';
import type { Records, ServerId, Stored } from '../../../src/engine/raft/types.ts';
import { Disk } from './disk.ts';
import { encodeMachine, type MachineState, machineOf } from './machine.ts';
import type { World } from './world.ts';

type WithoutNow<T> = T extends unknown ? Omit<T, 'now'> : never;
export type Happening = WithoutNow<Event>;

interface Waiting {
  readonly records: Records | null;
  readonly messages: readonly Message[];
  readonly machine: MachineState;
}

export class SimulatedNode {
  readonly id: ServerId;
  readonly disk: Disk;
  raft: Raft | null = null;
  machine: MachineState = { applied: 0, history: 0 };
  suspendedUntil = 0;
  readonly #world: World;
  readonly #options: RaftOptions;
  #waiting: Waiting[] = [];
  #isFlushing = false;
  #flushing: Waiting[] = [];
  /** Rises with every start and crash: what was scheduled before no longer counts. */
  #life = 0;
  #wake = 0;
  #bootedAt = 0;
  #clockOffset = 0;
  #clockRate = 1;
  #compactAt: number;

  constructor(world: World, options: RaftOptions, stored: Stored) {
    this.#world = world;
    this.#options = options;
    this.id = options.id;
    this.disk = new Disk(stored);
    this.#compactAt = world.options.compactEveryEntries;
  }

  get isRunning(): boolean {
    return this.raft !== null;
  }

  /** How often it was started and crashed. */
  get life(): number {
    return this.#life;
  }

  start(): void {
    const { random, schedule, build, checker, options } = this.#world;
    this.#life += 1;
    this.#bootedAt = schedule.now;
    this.#clockOffset = random.between(0, 1_000_000);
    this.#clockRate = 1 + (random.fraction() * 2 - 1) * options.driftMax;
    const stored = this.disk.stored();
    const fromSnapshot = machineOf(stored.snapshot);
    this.machine =
      this.disk.machine ?? checker.restored(this.id, stored.snapshot.index, fromSnapshot);
    if (this.machine.applied < stored.snapshot.index && fromSnapshot !== null) {
      this.machine = fromSnapshot;
    }
    this.#compactAt = stored.snapshot.index + options.compactEveryEntries;
    checker.started(this.id, stored);
    this.raft = new build.Raft(this.#options, stored, this.#localNow());
    this.#planWake(this.raft.wakeAt);
  }

  /** Loses what is not flushed; the flush under way may have made it, or not. */
  crash(): void {
    if (this.#world.random.chance(0.5)) this.#store(this.#flushing);
    this.raft = null;
    this.#life += 1;
    this.#waiting = [];
    this.#flushing = [];
    this.#isFlushing = false;
    this.#world.note(`${this.id} crashes`);
  }

  /** Steps now, or when this server is no longer suspended; nothing happens to one that is down. */
  happen(happening: Happening): void {
    const life = this.#life;
    const { schedule } = this.#world;
    if (schedule.now < this.suspendedUntil) {
      schedule.at(this.suspendedUntil, () => {
        if (this.#life === life) this.happen(happening);
      });
      return;
    }
    this.step(happening);
  }

  step(happening: Happening): Effects | null {
    const { raft } = this;
    if (raft === null) return null;
    const event: Event = { ...happening, now: this.#localNow() };
    const effects = raft.step(event);
    this.#world.trace(this.id, event, effects);
    this.#world.checker.stepped(this, event, effects, raft.status);
    for (const notice of effects.notices) this.#handle(notice);
    const { records, messages } = effects;
    this.#waiting.push({ records, messages, machine: this.machine });
    if (this.#world.build.repliesBeforeFlush === true) this.#send(messages);
    this.#flush();
    this.#planWake(effects.wakeAt);
    this.#compact();
    return effects;
  }

  #handle(notice: Notice): void {
    const { checker } = this.#world;
    if (notice.type === 'apply') {
      for (const entry of notice.entries) {
        this.machine = checker.applied(this.id, this.machine, entry);
      }
    }
    if (notice.type === 'restored') {
      const { index } = notice.snapshot;
      this.machine = checker.restored(this.id, index, machineOf(notice.snapshot));
      this.#compactAt = index + this.#world.options.compactEveryEntries;
    }
  }

  /** Group commit: while one flush is under way, the next group gathers. */
  #flush(): void {
    if (this.#isFlushing || this.#waiting.length === 0) return;
    const group = this.#waiting;
    this.#waiting = [];
    if (group.every(({ records }) => records === null)) {
      this.#finish(group);
      return;
    }
    const { schedule, random, options, isFaulty } = this.#world;
    const flushMsMax = isFaulty ? options.flushMsMax : 1;
    const life = this.#life;
    this.#isFlushing = true;
    this.#flushing = group;
    schedule.after(random.fraction() * flushMsMax, () => {
      if (this.#life !== life) return;
      this.#isFlushing = false;
      this.#flushing = [];
      this.#store(group);
      this.#finish(group);
      this.#flush();
    });
  }

  #store(group: readonly Waiting[]): void {
    for (const { records, machine } of group) {
      if (records !== null) this.disk.write(records);
      if (this.#world.options.machineOnDisk) this.disk.machine = machine;
    }
  }

  /** Persist, then send, then apply. */
  #finish(group: readonly Waiting[]): void {
    if (this.#world.build.repliesBeforeFlush !== true) {
      for (const { messages } of group) this.#send(messages);
    }
    this.#world.checker.remember(this.id, this.disk.hardState.term);
    const batch = group.findLast(({ records }) => records !== null)?.records?.batch;
    if (batch !== undefined) this.happen({ type: 'persisted', batch });
  }

  #send(messages: readonly Message[]): void {
    const life = this.#life;
    for (const message of messages) {
      this.#world.checker.sent(message);
      this.#world.send(message);
      if (this.#world.isWatchedByVultures(message)) {
        this.#world.schedule.after(0, () => {
          if (this.#life === life) this.#world.crash(this, this.#world.random.between(0, 30));
        });
      }
    }
  }

  /** Takes a snapshot now and then, and hands it in a little later, as a slow writer would. */
  #compact(): void {
    if (this.machine.applied < this.#compactAt) return;
    const { applied: index } = this.machine;
    const data = encodeMachine(this.machine);
    this.#compactAt = index + this.#world.options.compactEveryEntries;
    const life = this.#life;
    this.#world.schedule.after(this.#world.random.between(0, 20), () => {
      if (this.#life === life) this.happen({ type: 'compact', index, data });
    });
  }

  #localNow(): number {
    return this.#clockOffset + (this.#world.schedule.now - this.#bootedAt) * this.#clockRate;
  }

  #planWake(at: number | null): void {
    this.#wake += 1;
    if (at === null) return;
    const wake = this.#wake;
    const life = this.#life;
    const time = this.#bootedAt + (at - this.#clockOffset) / this.#clockRate;
    // A little later than asked, so that rounding never wakes a server too early, over and over.
    this.#world.schedule.at(time + 0.001, () => {
      if (this.#wake === wake && this.#life === life) this.happen({ type: 'tick' });
    });
  }
}
