/**
 * What goes wrong, by a seed: episodes in which a minority of the servers is killed, stopped, cut
 * off whole or one way, or loses its clients, and each of which is mended. A majority of servers is
 * up and linked at any moment, and one of them can be reached by the clients.
 */
import type { Random } from '../random.ts';
import type { PoolSite } from './pool-site.ts';

const KINDS = [
  'kill',
  'kill',
  'terminate',
  'stop',
  'isolate',
  'deaf',
  'mute',
  'part',
  'clients',
  'reset',
] as const;
type Kind = (typeof KINDS)[number];

const LASTS_MS_MIN = 1_000;
const LASTS_MS_MAX = 20_000;
/** Some cuts outlast a key's lifetime. */
const LONG_MS_MAX = 45_000;
const LONG = 0.25;
const CALM_MS_MIN = 500;
const CALM_MS_MAX = 8_000;
/** Faults of one episode do not begin at the same moment. */
const STAGGER_MS_MAX = 1_500;

interface Fault {
  readonly kind: Kind;
  readonly victim: string;
  /** For `part`: whom it is parted from. */
  readonly other: string;
  /** The groups of clients that lose the victim meanwhile. */
  readonly groups: readonly string[];
  readonly lastsMs: number;
  readonly delayMs: number;
  readonly mendAs: 'late' | 'reset';
}

export class Faults {
  readonly #site: PoolSite;
  readonly #groups: readonly string[];
  readonly #random: Random;
  readonly #began = Date.now();
  /** What was done, and when, for whoever has to find out what happened. */
  readonly history: { readonly at: number; readonly words: string }[] = [];
  readonly counts = new Map<Kind, number>();
  readonly problems: string[] = [];

  /** `groups` are the names of the clients' processes in the network. */
  constructor(site: PoolSite, groups: readonly string[], random: Random) {
    this.#site = site;
    this.#groups = groups;
    this.#random = random;
  }

  /** Episode after episode, until this time is over or it is enough; the last one is mended. */
  async run(durationMs: number, isEnough: () => boolean): Promise<void> {
    const end = performance.now() + durationMs;
    while (performance.now() < end && !isEnough()) {
      await this.#episode(end);
      const calmMs = between(this.#random, CALM_MS_MIN, CALM_MS_MAX);
      await pause(Math.min(calmMs, Math.max(0, end - performance.now())));
    }
  }

  async #episode(end: number): Promise<void> {
    const { names } = this.#site;
    const random = this.#random;
    const minority = Math.floor((names.length - 1) / 2);
    const victims = shuffled(names, random).slice(0, 1 + random.below(minority));
    const healthy = names.filter((name) => !victims.includes(name));
    const faults = victims.map((victim): Fault => {
      const kind = random.pick(KINDS);
      return {
        kind,
        victim,
        other: random.pick(healthy),
        groups: kind === 'clients' || (isCut(kind) && random.chance(0.5)) ? this.#someGroups() : [],
        lastsMs: lastsMs(kind, random),
        delayMs: random.below(STAGGER_MS_MAX),
        mendAs: random.chance(0.5) ? 'late' : 'reset',
      };
    });
    // Clients also lose a server that is well, if another one is.
    const unreached = healthy.length > 1 && random.chance(0.3) ? random.pick(healthy) : null;
    const lost = unreached === null ? [] : [this.#loseClients(unreached, end)];
    await Promise.all([...faults.map((fault) => this.#inflict(fault, end)), ...lost]);
    for (const name of this.#site.running) {
      const { ended, stderr } = this.#site.server(name);
      if (ended) this.problems.push(`server ${name} ended by itself:\n${stderr}`);
    }
  }

  async #loseClients(victim: string, end: number): Promise<void> {
    const kind = 'clients';
    const groups = this.#someGroups();
    const when = { lastsMs: lastsMs(kind, this.#random), delayMs: 0, mendAs: 'late' } as const;
    await this.#inflict({ kind, victim, other: victim, groups, ...when }, end);
  }

  async #inflict(fault: Fault, end: number): Promise<void> {
    await pause(fault.delayMs);
    const { kind, victim, lastsMs, mendAs } = fault;
    const mend = await this.#begin(fault);
    const from = kind === 'part' ? ` from ${fault.other}` : '';
    const without = fault.groups.length > 0 ? ` without ${fault.groups.join(', ')}` : '';
    this.#say(`${kind} ${victim}${from}${without}`);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    await pause(Math.min(lastsMs, Math.max(0, end - performance.now())));
    await mend();
    this.#say(`${kind} ${victim} is over (${mendAs})`);
  }

  /** Does it; returns how it is mended. */
  async #begin({ kind, victim, other, groups, mendAs }: Fault): Promise<() => unknown> {
    const { network } = this.#site;
    const others = this.#site.names.filter((name) => name !== victim);
    const ways = waysCut(kind, victim, { others, other, groups });
    if (ways.length > 0) {
      for (const [from, to] of ways) network.cut(from, to);
      return () => {
        for (const [from, to] of ways) network.mend(from, to, mendAs);
      };
    }
    switch (kind) {
      case 'kill':
        await this.#site.kill(victim);
        return () => this.#site.start(victim);
      case 'terminate': {
        const code = await this.#site.stop(victim);
        if (code !== 0) this.problems.push(`server ${victim} ended with ${code} on SIGTERM`);
        return () => this.#site.start(victim);
      }
      case 'stop': {
        const server = this.#site.server(victim);
        server.signal('SIGSTOP');
        return () => server.signal('SIGCONT');
      }
      default:
        network.reset(victim);
        return () => undefined;
    }
  }

  /** Some of the clients' processes, at least one. */
  #someGroups(): string[] {
    const some = shuffled(this.#groups, this.#random);
    return some.slice(0, 1 + this.#random.below(some.length)).sort();
  }

  #say(words: string): void {
    const at = Date.now();
    this.history.push({ at, words });
    if (process.env['LM_VERBOSE'] === '1') {
      console.log(`${((at - this.#began) / 1_000).toFixed(1)} s: ${words}`);
    }
  }
}

/** The ways of the network that a fault cuts, each from one to another; none for other faults. */
function waysCut(
  kind: Kind,
  victim: string,
  {
    others,
    other,
    groups,
  }: {
    readonly others: readonly string[];
    readonly other: string;
    readonly groups: readonly string[];
  },
): (readonly [string, string])[] {
  const clients = bothWays(victim, groups);
  const deaf = others.map((name) => [name, victim] as const);
  const mute = others.map((name) => [victim, name] as const);
  if (kind === 'deaf') return [...deaf, ...clients];
  if (kind === 'mute') return [...mute, ...clients];
  if (kind === 'isolate') return [...deaf, ...mute, ...clients];
  if (kind === 'part') return [...bothWays(victim, [other]), ...clients];
  return clients;
}

function bothWays(victim: string, names: readonly string[]): (readonly [string, string])[] {
  return names.flatMap((name) => [[victim, name] as const, [name, victim] as const]);
}

function isCut(kind: Kind): boolean {
  return kind === 'isolate' || kind === 'deaf' || kind === 'mute' || kind === 'part';
}

function lastsMs(kind: Kind, random: Random): number {
  const isLong = isCut(kind) && random.chance(LONG);
  return between(random, LASTS_MS_MIN, isLong ? LONG_MS_MAX : LASTS_MS_MAX);
}

function between(random: Random, least: number, most: number): number {
  return least + random.below(most - least);
}

function shuffled<T>(all: readonly T[], random: Random): T[] {
  const rest = [...all];
  return all.flatMap(() => rest.splice(random.below(rest.length), 1));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
