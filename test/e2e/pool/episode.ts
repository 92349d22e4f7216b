/**
 * What goes wrong at a time, by a seed: a minority of the servers is killed, stopped, cut off whole
 * or one way, or loses clients. A majority is up and linked at any moment, and every client reaches
 * one of it, but for those of an island: a group that is cut off together with the minority.
 */
import type { Random } from '../random.ts';

const KINDS = [
  ...['kill', 'kill', 'terminate', 'stop', 'stop'],
  ...['isolate', 'isolate', 'deaf', 'mute', 'part'],
  ...['clients', 'reset'],
] as const;
/** What leaves a server running, and without a majority. */
const CUTS: readonly string[] = ['isolate', 'deaf', 'mute'];

/** What a supervisor restarts at once is back before it is fenced, and has its keys still. */
const RESTART_MS_MAX = 1_500;
const LASTS_MS_MIN = 1_000;
const LASTS_MS_MAX = 20_000;
/** So long that a cut-off server's seats are opened and lent, while it may still be asked. */
const LONG_MS_MIN = 34_000;
const LONG_MS_MAX = 42_000;
const LONG = 0.3;
const ISLAND = 0.5;
const BUSY = 3;
/** Faults of one episode do not begin at the same moment. */
const STAGGER_MS_MAX = 1_500;

/** From whom to whom nothing arrives. */
export type Way = readonly [from: string, to: string];

export interface Fault {
  readonly kind: string;
  /** A server, or the group of an island. */
  readonly victim: string;
  /** The ways that are cut; none for what is done to the process or its connections. */
  readonly ways: readonly Way[];
  readonly lastsMs: number;
  readonly delayMs: number;
  readonly mendAs: 'late' | 'reset';
}

export interface Cast {
  readonly servers: readonly string[];
  /** The processes of clients. */
  readonly groups: readonly string[];
}

/** The first one is a long island: what takes a key's lifetime to go wrong does so in every run. */
export function planEpisode(cast: Cast, random: Random, isFirst: boolean): Fault[] {
  const minority = Math.floor((cast.servers.length - 1) / 2);
  const victims = victimsOf(cast, random).slice(0, 1 + random.below(minority));
  const healthy = cast.servers.filter((server) => !victims.includes(server));
  const faults = victims.map((victim) => {
    const kind = isFirst ? random.pick(CUTS) : random.pick(KINDS);
    return planFault({ kind, victim, isLong: isFirst }, { ...cast, healthy }, random);
  });
  const longest = faults
    .filter(({ kind }) => CUTS.includes(kind))
    .sort(byLength)
    .at(-1);
  if (longest !== undefined && (isFirst || random.chance(ISLAND))) {
    const alone = faults.map((fault) => keepingClients(fault, cast));
    return [...alone, island(longest, healthy, random.pick(cast.groups))];
  }
  // Clients also lose a server that is well, if another one is.
  if (healthy.length < 2 || random.chance(0.7)) return faults;
  const unreached = { kind: 'clients', victim: random.pick(healthy), isLong: false };
  return [...faults, planFault(unreached, { ...cast, healthy }, random)];
}

/** The servers, victims first. Clients go by the list: what befalls its head matters most. */
function victimsOf({ servers }: Cast, random: Random): string[] {
  const all = shuffled(servers, random);
  if (random.chance(0.5)) return all;
  const busy = random.pick(servers.slice(0, BUSY));
  return [busy, ...all.filter((server) => server !== busy)];
}

interface Kind {
  readonly kind: string;
  readonly victim: string;
  readonly isLong: boolean;
}

function planFault(
  { kind, victim, isLong }: Kind,
  { servers, groups, healthy }: Cast & { readonly healthy: readonly string[] },
  random: Random,
): Fault {
  const others = servers.filter((server) => server !== victim);
  const some = shuffled(groups, random).slice(0, 1 + random.below(groups.length));
  const clients = kind === 'clients' || random.chance(0.5) ? bothWays(victim, some) : [];
  const other = random.pick(healthy);
  const ways: Readonly<Record<string, readonly Way[]>> = {
    clients,
    deaf: [...others.map((name): Way => [name, victim]), ...clients],
    mute: [...others.map((name): Way => [victim, name]), ...clients],
    isolate: [...bothWays(victim, others), ...clients],
    part: [...bothWays(victim, [other]), ...clients],
  };
  return {
    kind,
    victim,
    ways: ways[kind] ?? [],
    lastsMs: lastsMs({ kind, victim, isLong }, random),
    delayMs: random.below(STAGGER_MS_MAX),
    mendAs: random.chance(0.5) ? 'late' : 'reset',
  };
}

function lastsMs({ kind, isLong }: Kind, random: Random): number {
  if (isLong || (CUTS.includes(kind) && random.chance(LONG))) {
    return between(random, LONG_MS_MIN, LONG_MS_MAX);
  }
  const isRestart = (kind === 'kill' || kind === 'terminate') && random.chance(0.5);
  if (isRestart) return random.below(RESTART_MS_MAX);
  return between(random, LASTS_MS_MIN, LASTS_MS_MAX);
}

/** This group reaches none of the servers that are well, for as long as the fault lasts. */
function island(fault: Fault, healthy: readonly string[], group: string): Fault {
  return { ...fault, kind: 'island', victim: group, ways: bothWays(group, healthy), delayMs: 0 };
}

/** The servers lose each other, and none of their clients. */
function keepingClients(fault: Fault, { groups }: Cast): Fault {
  const ways = fault.ways.filter((way) => !way.some((name) => groups.includes(name)));
  return { ...fault, ways };
}

function bothWays(victim: string, names: readonly string[]): Way[] {
  return names.flatMap((name): Way[] => [
    [victim, name],
    [name, victim],
  ]);
}

function byLength(a: Fault, b: Fault): number {
  return a.lastsMs - b.lastsMs;
}

function between(random: Random, least: number, most: number): number {
  return least + random.below(most - least);
}

function shuffled<T>(all: readonly T[], random: Random): T[] {
  const rest = [...all];
  return all.flatMap(() => rest.splice(random.below(rest.length), 1));
}
