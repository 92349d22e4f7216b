/** What goes wrong in a run, and what clients and the administrator do meanwhile. */
import type { ServerId } from '../../../src/engine/raft/types.ts';
import type { SimulatedNode } from './node.ts';
import type { World } from './world.ts';

/** Lets everything happen at random moments, with the mean times that the seed drew. */
export function beginFaults(world: World): void {
  const { options } = world;
  repeat(world, options.proposeEveryMs, () => propose(world));
  repeat(world, options.cutEveryMs, () => cut(world));
  repeat(world, options.crashEveryMs, () => crash(world));
  repeat(world, options.suspendEveryMs, () => suspend(world));
  repeat(world, options.changeEveryMs, () => change(world));
  repeat(world, options.transferEveryMs, () => transfer(world));
  repeat(world, options.resetEveryMs, () => reset(world));
}

function repeat(world: World, everyMs: number, act: () => void): void {
  if (everyMs === 0) return;
  world.schedule.after(world.random.fraction() * everyMs * 2, () => {
    if (!world.isFaulty) return;
    act();
    repeat(world, everyMs, act);
  });
}

function anyNode(world: World): SimulatedNode | null {
  return world.random.pick(world.running);
}

export function propose(world: World): void {
  const { random } = world;
  const node = random.chance(0.8) ? world.leader : anyNode(world);
  const count = random.chance(0.1) ? random.between(2, 20) : 1;
  const data = Array.from({ length: count }, () =>
    new TextEncoder().encode(
      `${world.steps}.${random.between(0, 99_999)}`.padEnd(random.between(1, 60)),
    ),
  );
  node?.happen({ type: 'propose', data });
}

/** Cuts a link in one direction or both, or a whole server off; or mends everything. */
function cut(world: World): void {
  const { random, cuts } = world;
  const ids = [...world.nodes.keys()];
  const one = random.pick(ids);
  const other = random.pick(ids);
  if (one === null || other === null) return;
  const kind = random.between(0, 9);
  if (kind < 3) cuts.clear();
  else if (kind < 5) split(world, ids);
  else if (kind < 7) for (const id of ids) cutBoth(cuts, one, id);
  else if (kind < 8) cutBoth(cuts, one, other);
  else cuts.add(`${one}>${other}`);
  world.note(`cuts: ${[...cuts].join(' ')}`);
}

function split({ random, cuts }: World, ids: readonly ServerId[]): void {
  const side = new Set(ids.filter(() => random.chance(0.5)));
  for (const one of ids) {
    for (const other of ids) if (side.has(one) !== side.has(other)) cutBoth(cuts, one, other);
  }
}

function cutBoth(cuts: Set<string>, one: ServerId, other: ServerId): void {
  if (one === other) return;
  cuts.add(`${one}>${other}`);
  cuts.add(`${other}>${one}`);
}

function crash(world: World): void {
  const { random } = world;
  const node = random.chance(0.4) ? world.leader : anyNode(world);
  if (node === null) return;
  world.crash(node, random.chance(0.5) ? random.between(0, 50) : random.between(50, 2_000));
}

function suspend(world: World): void {
  const { random, schedule } = world;
  const node = anyNode(world);
  if (node === null) return;
  node.suspendedUntil = schedule.now + random.between(20, 1_500);
  world.note(`${node.id} is suspended`);
}

/** The administrator adds a learner, promotes one, or removes any server, the leader too. */
function change(world: World): void {
  const { random } = world;
  const leader = random.chance(0.9) ? world.leader : anyNode(world);
  const configuration = leader?.raft?.status.configuration;
  if (leader === null || configuration === undefined) return;
  const { voters, learners } = configuration;
  const [learner] = learners;
  if (learner !== undefined && random.chance(0.7)) {
    leader.happen({ type: 'change', change: { action: 'promote', server: learner } });
  } else if (voters.length <= random.between(1, 5)) {
    const joiner = world.addJoiner();
    if (joiner === null) return;
    leader.happen({ type: 'change', change: { action: 'add-learner', server: joiner.id } });
  } else {
    const server = random.pick([...voters, ...learners]);
    if (server !== null) leader.happen({ type: 'change', change: { action: 'remove', server } });
  }
}

function transfer(world: World): void {
  const to = world.random.pick([...world.nodes.keys()]);
  if (to !== null) world.leader?.happen({ type: 'transfer', to });
}

/** A connection breaks though both ends live; a clock jumps; the leadership rules change. */
function reset(world: World): void {
  const { random } = world;
  const peer = random.pick([...world.nodes.keys()]);
  if (peer === null) return;
  const kind = random.between(0, 9);
  if (kind === 0) anyNode(world)?.happen({ type: 'step-down' });
  else if (kind === 1) anyNode(world)?.happen({ type: 'campaign' });
  else if (kind === 2) anyNode(world)?.happen({ type: 'reconsider' });
  else anyNode(world)?.happen({ type: 'gone', peer });
}
