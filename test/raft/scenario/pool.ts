/** The servers of a scenario and the messages under way between them, in order and by link. */
import type { Message } from '../../../src/engine/raft/messages.ts';
import { type Durations, RAFT_LIMITS, type RaftLimits } from '../../../src/engine/raft/options.ts';
import {
  foundingState,
  joiningState,
  type ServerId,
  type Stored,
} from '../../../src/engine/raft/types.ts';
import { ScenarioServer } from './server.ts';
import { messageText } from './text.ts';

export const DURATIONS: Durations = {
  heartbeatMs: 100,
  leaderMissingMs: 400,
  leaderCheckMs: 50,
  electionMs: 100,
  transferMs: 400,
};

const STEPS_MAX = 2_000;

export class ScenarioPool {
  now = 0;
  readonly servers = new Map<ServerId, ScenarioServer>();
  readonly cuts = new Set<string>();
  readonly show: (line: string) => void;
  readonly #limits: RaftLimits;
  #underWay: Message[] = [];

  constructor(voters: ServerId[], limits: Partial<RaftLimits>, show: (line: string) => void) {
    this.show = show;
    this.#limits = { ...RAFT_LIMITS, trailingEntries: 0, ...limits };
    for (const id of voters) this.#add(id, foundingState(voters));
  }

  join(id: ServerId): void {
    this.#add(id, joiningState());
  }

  server(id: ServerId | undefined): ScenarioServer {
    const server = this.servers.get(id ?? '');
    if (server === undefined) throw new Error(`there is no server ${id}`);
    return server;
  }

  send(message: Message): void {
    const isCut = this.cuts.has(`${message.from}>${message.to}`);
    this.show(`  ${messageText(message)}${isCut ? ' (cut)' : ''}`);
    if (!isCut) this.#underWay.push(message);
  }

  /** Delivers what is under way on a link now (all links: null), not what comes of it. */
  deliver(link: string | null): void {
    for (const message of this.#take(link)) this.#receive(message);
  }

  drop(link: string | null): void {
    this.#take(link);
  }

  /** Sends what is under way on a link once more. */
  duplicate(link: string | null): void {
    const again = this.#take(link);
    this.#underWay.push(...again, ...again);
  }

  /** Delivers until nothing is under way any more. */
  settle(): void {
    for (let steps = 0; steps < STEPS_MAX; steps += 1) {
      const message = this.#underWay.shift();
      if (message === undefined) return;
      this.#receive(message);
    }
    throw new Error('this scenario does not settle');
  }

  /** Lets time pass; each server ticks when it asked for it, and messages take no time. */
  advance(durationMs: number): void {
    const end = this.now + durationMs;
    for (let steps = 0; steps < STEPS_MAX; steps += 1) {
      const [next] = [...this.servers.values()]
        .filter((server) => (server.wakeAt ?? Number.POSITIVE_INFINITY) <= end)
        .sort((a, b) => (a.wakeAt ?? 0) - (b.wakeAt ?? 0) || (a.id < b.id ? -1 : 1));
      if (next === undefined) break;
      const at = Math.max(this.now, next.wakeAt ?? 0);
      if (at > this.now) this.show(`at ${at} ms`);
      this.now = at;
      next.step({ type: 'tick' });
      this.settle();
    }
    this.now = end;
  }

  #take(link: string | null): Message[] {
    const isTaken = ({ from, to }: Message): boolean => link === null || link === `${from}>${to}`;
    const taken = this.#underWay.filter(isTaken);
    this.#underWay = this.#underWay.filter((message) => !isTaken(message));
    return taken;
  }

  #receive(message: Message): void {
    this.servers.get(message.to)?.step({ type: 'message', message });
  }

  #add(id: ServerId, stored: Stored): void {
    const pool = this;
    const host = {
      get now(): number {
        return pool.now;
      },
      show: (line: string): void => pool.show(line),
      send: (message: Message): void => pool.send(message),
    };
    const place = this.servers.size + 1;
    const campaignDelayMs = ({ round }: { round: number }): number => place * 20 + round * 100;
    const options = { id, durations: DURATIONS, limits: this.#limits, campaignDelayMs };
    this.servers.set(id, new ScenarioServer(host, options, stored));
  }
}
