/**
 * The leader works Raft's configuration towards the list of the RLF in force (DESIGN sections 5 and
 * 9): one change at a time, additions first and as learners, and a server goes only once it is
 * fenced and nothing of its rows is left. Nothing here is safe by its order alone: Raft takes one
 * change at a time, and none before an entry of the leader's own term is committed.
 */
import type { Outbox } from '../effects.ts';
import { takesPart } from '../ledger/members.ts';
import { DRAIN_MS_MAX, MEMBERSHIP_LOOK_MS } from '../limits.ts';
import type { ConfigurationChange } from '../raft/events.ts';
import { changed, majority } from '../raft/membership.ts';
import { RAFT_LIMITS } from '../raft/options.ts';
import type { Configuration, ServerId } from '../raft/types.ts';
import { type Ahead, FENCE_AFTER_ACK_MS } from './fencing.ts';
import type { Pool } from './pool.ts';

export class Membership {
  readonly #pool: Pool;
  readonly #ahead: Ahead;
  readonly #outbox: Outbox;
  /** Since when each server on its way out may give up what it has, under this leader. */
  readonly #draining = new Map<ServerId, number>();
  /** Since when it gets no echo from this leader. */
  readonly #stopped = new Map<ServerId, number>();
  /** What was found to need nothing. */
  #settled: { readonly all: unknown; readonly configuration: unknown } | null = null;
  #nextDue = Number.NEGATIVE_INFINITY;

  constructor(pool: Pool, ahead: Ahead, outbox: Outbox) {
    this.#pool = pool;
    this.#ahead = ahead;
    this.#outbox = outbox;
  }

  /** Another server leads, or this one begins to. */
  forget(): void {
    this.#draining.clear();
    this.#stopped.clear();
    this.#settled = null;
    this.#nextDue = Number.NEGATIVE_INFINITY;
  }

  get nextDue(): number {
    return this.#settled === null ? this.#nextDue : Number.POSITIVE_INFINITY;
  }

  /** It is on its way out, and its window is to end. */
  isStopped(server: ServerId): boolean {
    return this.#stopped.has(server);
  }

  /** When the window that this leader's echoes gave to a server on its way out has ended. */
  windowEnd(server: ServerId): number {
    return (this.#stopped.get(server) ?? Number.POSITIVE_INFINITY) + FENCE_AFTER_ACK_MS;
  }

  /** Does what is due. Not to be called while an RLF is entered and not applied. */
  lead(): void {
    const { state, server: self, time, ledger } = this.#pool;
    const { members, configuration } = state;
    const { all } = members;
    if (this.#settled?.all === all && this.#settled.configuration === configuration) return;
    this.#settled = null;
    if (time.boot < this.#nextDue) return;
    this.#nextDue = time.boot + MEMBERSHIP_LOOK_MS;
    for (const server of [...this.#draining.keys()]) if (!this.#leaves(server)) this.#keep(server);
    if (!members.lists(self)) {
      this.#handOn();
      return;
    }
    const { configurationIndex, committed } = ledger.status;
    if (configurationIndex > committed) return;
    const change = this.#next(configuration);
    if (change !== null) this.#make(change);
    else if (this.#isSettled(configuration)) this.#settled = { all, configuration };
    else this.#drain(configuration);
  }

  #isSettled({ voters, learners }: Configuration): boolean {
    const { all } = this.#pool.state.members;
    return (
      learners.length === 0 &&
      voters.length === all.length &&
      all.every(({ fingerprint }) => voters.includes(fingerprint) && !this.#leaves(fingerprint))
    );
  }

  #leaves(server: ServerId): boolean {
    return !this.#pool.state.members.lists(server);
  }

  #keep(server: ServerId): void {
    this.#draining.delete(server);
    this.#stopped.delete(server);
  }

  /** The one change to make now, or null. */
  #next(configuration: Configuration): ConfigurationChange | null {
    const { voters, learners } = configuration;
    const { members } = this.#pool.state;
    const dropped = learners.find((server) => this.#leaves(server));
    if (dropped !== undefined) return { action: 'remove', server: dropped };
    for (const server of learners) {
      const change = { action: 'promote', server } as const;
      if (this.#isCaughtUp(server) && this.#holds(configuration, change)) return change;
    }
    for (const { fingerprint: server } of members.all) {
      if (takesPart(server, configuration) || this.#leaves(server)) continue;
      const hasRoom = voters.length + learners.length < RAFT_LIMITS.serversMax;
      if (hasRoom && this.#pool.isLinked(server)) return { action: 'add-learner', server };
    }
    for (const server of voters) {
      const change = { action: 'remove', server } as const;
      if (!this.#leaves(server) || !this.#isEmpty(server)) continue;
      if (this.#holds(configuration, change)) return change;
    }
    return null;
  }

  #isCaughtUp(learner: ServerId): boolean {
    const { ledger } = this.#pool;
    const { peers, committed } = ledger.status;
    // What is under way while it catches up, it has in a moment.
    return this.#pool.isUp(learner) && (peers.get(learner)?.match ?? 0) >= committed;
  }

  /** A majority of what comes of it is up: else the pool would stand still. */
  #holds(configuration: Configuration, change: ConfigurationChange): boolean {
    const next = changed(configuration, change);
    if (typeof next === 'string') return false;
    const up = next.voters.filter((server) => this.#pool.isUp(server));
    return up.length >= majority(next);
  }

  /** Fenced, and nothing of its rows is left, or nothing that a key could live of. */
  #isEmpty(server: ServerId): boolean {
    const { state } = this.#pool;
    const newest = this.#ahead.newest(server, state);
    if (newest?.type !== 'fenced' || newest.index > state.applied) return false;
    for (const accounts of state.accounts.values()) {
      if ((accounts.rows.get(server) ?? 0) > 0 && !state.isOpened(server, accounts)) return false;
    }
    return true;
  }

  #make(change: ConfigurationChange): void {
    const { action, server } = change;
    const outcome = this.#pool.ledger.step({ type: 'change', change }, this.#pool.time.boot);
    if (outcome?.accepted !== true) return;
    const fields = { server: this.#pool.nameOf(server) };
    this.#outbox.note('info', WORDS[action], fields);
  }

  /**
   * Servers on their way out give up what is free there. Once nothing is, or it takes too long,
   * their windows end, and their clients take their seats along to the others.
   */
  #drain({ voters, learners }: Configuration): void {
    const { boot: now } = this.#pool.time;
    const isJoining = learners.some((server) => this.#pool.isUp(server));
    if (isJoining) return;
    for (const server of voters) {
      if (!this.#leaves(server) || !this.#pool.isUp(server)) continue;
      const since = this.#draining.get(server) ?? now;
      this.#draining.set(server, since);
      if (this.#stopped.has(server)) continue;
      if (now < since + DRAIN_MS_MAX && !this.#hasNothingFree(server)) continue;
      this.#stopped.set(server, now);
    }
  }

  #hasNothingFree(server: ServerId): boolean {
    const usage = this.#pool.picture.usage(server);
    for (const { license, rows } of this.#pool.state.accounts.values()) {
      const allocated = rows.get(server) ?? 0;
      if (allocated > (usage?.get(license)?.inUse ?? 0)) return false;
    }
    return true;
  }

  /** A leader that the RLF no longer names: who joins knows only those that it names. */
  #handOn(): void {
    const { state, leaderRequests } = this.#pool;
    const { voters } = state.configuration;
    const next = state.rlf.servers.find(({ fingerprint: server }) => {
      return voters.includes(server) && this.#pool.isUp(server);
    });
    if (next !== undefined) leaderRequests.transfer(next.fingerprint);
  }
}

const WORDS = {
  'add-learner': 'a server is being taken into the pool',
  promote: 'a server is in the pool',
  remove: 'a server is out of the pool',
} as const;
