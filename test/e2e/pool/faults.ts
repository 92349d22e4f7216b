/** Carries out what an episode plans on a pool of real processes, and mends it. */
import type { Random } from '../random.ts';
import { type Cast, type Fault, planEpisode } from './episode.ts';
import type { PoolSite } from './pool-site.ts';

const CALM_MS_MIN = 500;
const CALM_MS_MAX = 8_000;

/** A group of clients that reached no server of the majority; `end` is null while it lasts. */
interface Island {
  readonly group: string;
  readonly begin: number;
  end: number | null;
}

export class Faults {
  readonly #site: PoolSite;
  readonly #cast: Cast;
  readonly #random: Random;
  readonly #began = Date.now();
  readonly #islands: Island[] = [];
  /** What was done, and when (wall time), for whoever has to find out what happened. */
  readonly history: { readonly at: number; readonly words: string }[] = [];
  readonly counts = new Map<string, number>();
  readonly problems: string[] = [];

  /** `groups` are the names of the clients' processes in the network. */
  constructor(site: PoolSite, groups: readonly string[], random: Random) {
    this.#site = site;
    this.#cast = { servers: site.names, groups };
    this.#random = random;
  }

  /** Episode after episode, until this time is over or it is enough; the last one is mended. */
  async run(durationMs: number, isEnough: () => boolean): Promise<void> {
    const end = performance.now() + durationMs;
    for (let isFirst = true; performance.now() < end && !isEnough(); isFirst = false) {
      const faults = planEpisode(this.#cast, this.#random, isFirst);
      await Promise.all(faults.map((fault) => this.#inflict(fault, end)));
      this.#checkRunning();
      const calmMs = CALM_MS_MIN + this.#random.below(CALM_MS_MAX - CALM_MS_MIN);
      await pause(Math.min(calmMs, Math.max(0, end - performance.now())));
    }
  }

  /** Whether the group had reached no server of the majority then, or just before. */
  wasOnIsland(group: string, at: number, shortlyMs: number): boolean {
    return this.#islands.some((island) => {
      const until = (island.end ?? Number.POSITIVE_INFINITY) + shortlyMs;
      return island.group === group && at >= island.begin && at <= until;
    });
  }

  async #inflict(fault: Fault, end: number): Promise<void> {
    await pause(fault.delayMs);
    const { kind, victim, lastsMs, mendAs } = fault;
    const mend = await this.#begin(fault);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.#say(`${kind} ${victim} ${fault.ways.map((way) => way.join('>')).join(' ')}`.trim());
    await pause(Math.min(lastsMs, Math.max(0, end - performance.now())));
    await mend();
    this.#say(`${kind} ${victim} is over (${mendAs})`);
  }

  /** Does it; returns how it is mended. */
  async #begin({ kind, victim, ways, mendAs }: Fault): Promise<() => unknown> {
    const { network } = this.#site;
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
      case 'reset':
        network.reset(victim);
        return () => undefined;
      default: {
        const island = kind === 'island' ? this.#islandOf(victim) : null;
        for (const [from, to] of ways) network.cut(from, to);
        return () => {
          for (const [from, to] of ways) network.mend(from, to, mendAs);
          if (island !== null) island.end = Date.now();
        };
      }
    }
  }

  #islandOf(group: string): Island {
    const island: Island = { group, begin: Date.now(), end: null };
    this.#islands.push(island);
    return island;
  }

  #checkRunning(): void {
    for (const name of this.#site.running) {
      const { ended, stderr } = this.#site.server(name);
      if (ended) this.problems.push(`server ${name} ended by itself:\n${stderr}`);
    }
  }

  #say(words: string): void {
    const at = Date.now();
    this.history.push({ at, words });
    if (process.env['LM_VERBOSE'] === '1') {
      console.log(`${((at - this.#began) / 1_000).toFixed(1)} s: ${words}`);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
