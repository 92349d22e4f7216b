/** How this server stands in the pool: its role, whom it follows, whom it is linked to. */
import { LEADER_MISSING_MS } from '../limits.ts';
import type { Notice, Role } from '../raft/events.ts';
import type { ServerId } from '../raft/types.ts';
import type { Picture } from './picture.ts';

type RoleNotice = Extract<Notice, { type: 'role' }>;

export class Standing {
  readonly #self: ServerId;
  readonly #picture: Picture;
  readonly #startedAt: number;
  /** Servers that a link is up to, and since when each of them has been on line. */
  readonly #linked = new Map<ServerId, number>();
  /** How often, since a leader was heard. */
  #refusals = 0;
  #heardAt = Number.NEGATIVE_INFINITY;
  role: Role = 'follower';
  term: number;
  /** Whom this server takes for the leader. */
  leader: ServerId | null = null;
  /** A leader was heard since the start, or this server was one. */
  everLed = false;

  constructor(options: {
    readonly self: ServerId;
    readonly picture: Picture;
    readonly term: number;
    readonly now: number;
  }) {
    this.#self = options.self;
    this.#picture = options.picture;
    this.#startedAt = options.now;
    this.term = options.term;
  }

  get leads(): boolean {
    return this.role === 'leader';
  }

  /** Refused more than once by servers that hear a leader which this one does not. */
  get detached(): boolean {
    return this.#refusals > 1 && this.leader === null;
  }

  /** Takes a notice over. Returns whether it says anything new. */
  changed({ role, term, leader }: RoleNotice): boolean {
    const isNew = role !== this.role || term !== this.term || leader !== this.leader;
    this.role = role;
    this.term = term;
    this.leader = leader;
    if (leader !== null) {
      this.#refusals = 0;
      this.everLed = true;
    }
    return isNew;
  }

  /** The leader was heard. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** A server that hears the leader refused this one's pre-vote. */
  refused(): void {
    this.#refusals += 1;
  }

  linked(server: ServerId, onLineSince: number): void {
    this.#linked.set(server, onLineSince);
  }

  unlinked(server: ServerId): void {
    this.#linked.delete(server);
  }

  isLinked(server: ServerId): boolean {
    return this.#linked.has(server);
  }

  uptimeMs(now: number): number {
    return Math.max(0, Math.floor(now - this.#startedAt));
  }

  /** How long this server and each of those linked has been on line. */
  uptimesMs(now: number): Map<ServerId, number> {
    const uptimes = new Map([[this.#self, this.uptimeMs(now)]]);
    for (const [server, since] of this.#linked) uptimes.set(server, now - since);
    return uptimes;
  }

  /** Up, as far as this server knows. */
  isUp(server: ServerId, now: number): boolean {
    if (server === this.#self) return true;
    if (this.leads) return this.#picture.isUp(server, now);
    if (server === this.leader) return now < this.#heardAt + LEADER_MISSING_MS;
    return this.leader !== null && this.#picture.saidUp(server);
  }
}
