/**
 * What goes wrong, by a seed: episodes in which a minority of the servers is killed, stopped, cut
 * off whole or one way, or loses its clients, and each of which is mended. A majority of servers is
 * up and linked at any moment, and one of them can be reached by the clients.
 */
import type { Random } from '../random.ts';
import { CLIENTS } from './network.ts';
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
const CALM_MS_MIN = 500;
const CALM_MS_MAX = 8_000;
/** Faults of one episode do not begin at the same moment. */
const STAGGER_MS_MAX = 1_500;

interface Fault {
  readonly kind: Kind;
  readonly victim: string;
  /** For `part`: whom it is parted from. */
  readonly other: string;
  readonly lastsMs: number;
  readonly delayMs: number;
  readonly mendAs: 'late' | 'reset';
}

export class Faults {
  readonly #site: PoolSite;
  readonly #random: Random;
  readonly #began = performance.now();
  /** What was done, and when, for whoever has to find out what happened. */
  readonly history: { readonly at: number; readonly words: string }[] = [];
  readonly counts = new Map<Kind, number>();
  readonly problems: string[] = [];

  constructor(site: PoolSite, random: Random) {
    this.#site = site;
    this.#random = random;
  }

  /** Episode after episode, until this time is over; the last one is mended. */
  async run(lastsMs: number): Promise<void> {
    const end = performance.now() + lastsMs;
    while (performance.now() < end) {
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
      return {
        kind: random.pick(KINDS),
        victim,
        other: random.pick(healthy),
        lastsMs: between(random, LASTS_MS_MIN, LASTS_MS_MAX),
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
    const mendAs = 'late';
    const lastsMs = between(this.#random, LASTS_MS_MIN, LASTS_MS_MAX);
    const fault = { kind: 'clients', victim, other: victim, lastsMs, delayMs: 0, mendAs } as const;
    await this.#inflict(fault, end);
  }

  async #inflict(fault: Fault, end: number): Promise<void> {
    await pause(fault.delayMs);
    const { kind, victim, lastsMs, mendAs } = fault;
    const mend = await this.#begin(fault);
    this.#say(`${kind} ${victim}${kind === 'part' ? ` from ${fault.other}` : ''}`);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    await pause(Math.min(lastsMs, Math.max(0, end - performance.now())));
    await mend();
    this.#say(`${kind} ${victim} is over (${mendAs})`);
  }

  /** Does it; returns how it is mended. */
  async #begin({ kind, victim, other, mendAs }: Fault): Promise<() => unknown> {
    const { network } = this.#site;
    const others = this.#site.names.filter((name) => name !== victim);
    const ways = waysCut(kind, victim, { others, other });
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

  #say(words: string): void {
    const at = performance.now();
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
  { others, other }: { readonly others: readonly string[]; readonly other: string },
): (readonly [string, string])[] {
  const deaf = others.map((name) => [name, victim] as const);
  const mute = others.map((name) => [victim, name] as const);
  if (kind === 'deaf') return deaf;
  if (kind === 'mute') return mute;
  if (kind === 'isolate') return [...deaf, ...mute];
  if (kind === 'part') return [[victim, other] as const, [other, victim] as const];
  if (kind === 'clients') return [[victim, CLIENTS] as const, [CLIENTS, victim] as const];
  return [];
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
