/** One run: a time of faults, then healing, then a calm time with a single cut. */
import { Violation } from './checker.ts';
import { beginFaults, propose } from './faults.ts';
import type { SimulatedNode } from './node.ts';
import { DURATIONS, drawOptions, type RunOptions } from './options.ts';
import { Random } from './random.ts';
import { type Build, World } from './world.ts';

export interface RunResult {
  readonly seed: number;
  readonly options: RunOptions;
  readonly violation: Violation | null;
  /** Of everything that happened: equal seeds, equal traces. */
  readonly traceHash: number;
  readonly steps: number;
  readonly elections: number;
  readonly committed: number;
  readonly simulatedMs: number;
}

const LIVENESS_MS = 20_000;
const CALM_MS = 3_000;

export function run(
  build: Build,
  seed: number,
  print: ((line: string) => void) | null = null,
): RunResult {
  const random = new Random(seed);
  const options = drawOptions(random);
  const world = new World(build, random, options, print);
  let violation: Violation | null = null;
  try {
    beginFaults(world);
    world.schedule.runUntil(options.faultyMs);
    heal(world);
    becomesLive(world, 'after healing');
    staysCalm(world);
    becomesLive(world, 'after the calm');
  } catch (error) {
    violation = asViolation(error);
  }
  return {
    seed,
    options,
    violation,
    traceHash: world.traceHash,
    steps: world.steps,
    elections: world.checker.elections,
    committed: world.checker.committedIndex,
    simulatedMs: world.schedule.now,
  };
}

/** A broken assertion of Raft itself counts like a violation seen from outside. */
function asViolation(error: unknown): Violation {
  if (error instanceof Violation) return error;
  if (!(error instanceof Error)) throw error;
  return new Violation('assertion', error.stack ?? error.message);
}

function heal(world: World): void {
  world.isFaulty = false;
  world.cuts.clear();
  world.note('healed');
  for (const node of world.nodes.values()) {
    node.suspendedUntil = 0;
    if (!node.isRunning) node.start();
  }
}

function membersOf(world: World): SimulatedNode[] {
  const configuration = world.leader?.raft?.status.configuration;
  if (configuration === undefined) return [];
  return [...configuration.voters, ...configuration.learners]
    .map((id) => world.nodes.get(id))
    .filter((node) => node !== undefined);
}

/** Liveness: a new proposal is applied by all members, in bounded time. */
function becomesLive(world: World, when: string): void {
  const { schedule } = world;
  const end = schedule.now + LIVENESS_MS;
  const isEstablished = (): boolean => world.leader?.raft?.status.established === true;
  if (!schedule.runUntil(end, isEstablished)) {
    throw new Violation('liveness', `no leader ${when}`);
  }
  let goal: Goal | null = null;
  let proposeAt = 0;
  const isApplied = (): boolean => {
    // A leader may leave and take the proposal with it, as one does whose removal was under way.
    const isLost = goal !== null && goal.term !== world.leader?.raft?.status.term;
    if ((goal === null || isLost) && schedule.now >= proposeAt) {
      proposeAt = schedule.now + DURATIONS.heartbeatMs;
      goal = proposeLast(world);
    }
    const members = membersOf(world);
    const index = goal?.index ?? Number.POSITIVE_INFINITY;
    return members.length > 0 && members.every((node) => node.machine.applied >= index);
  };
  if (!schedule.runUntil(end, isApplied)) {
    throw new Violation('liveness', `a proposal was not applied everywhere ${when}`);
  }
}

interface Goal {
  readonly index: number;
  readonly term: number;
}

function proposeLast(world: World): Goal | null {
  const data = [new TextEncoder().encode('last')];
  const outcome = world.leader?.step({ type: 'propose', data })?.outcome;
  return outcome?.accepted === true ? outcome : null;
}

/**
 * One server no longer hears the leader, or is no longer heard: that leader stays, in its term,
 * also when the link is mended (dissertation §9.6, and the objector rule).
 */
function staysCalm(world: World): void {
  const { schedule, random, cuts } = world;
  schedule.runUntil(schedule.now + 2 * DURATIONS.leaderMissingMs);
  const { leader } = world;
  const status = leader?.raft?.status;
  const others = status?.configuration.voters.filter((id) => id !== leader?.id) ?? [];
  const other = random.pick(others);
  if (leader === null || status === undefined || other === null || others.length < 2) return;
  const kind = random.between(0, 2);
  if (kind !== 0) cuts.add(`${leader.id}>${other}`);
  if (kind !== 1) cuts.add(`${other}>${leader.id}`);
  world.note(`calm, but for ${[...cuts].join(' ')}`);
  const isBusy = random.chance(0.5);
  for (let at = 0; isBusy && at < CALM_MS; at += 50) schedule.after(at, () => propose(world));
  schedule.runUntil(schedule.now + CALM_MS);
  cuts.clear();
  world.note('mended');
  schedule.runUntil(schedule.now + CALM_MS);
  const now = leader.raft?.status;
  if (now?.role !== 'leader' || now.term !== status.term) {
    throw new Violation('a leader is not disturbed', `${leader.id} of ${status.term}`);
  }
}
