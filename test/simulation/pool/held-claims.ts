/**
 * A claim that is held up: the server that was asked for it keeps its window, and nothing that it
 * proposes gets through, while the lost server comes back, and may be lost once more.
 */
import type { PeerSend } from '../../../src/engine/effects.ts';
import { decodeReport } from '../../../src/engine/pool/report.ts';
import type { Random } from '../random.ts';
import type { PoolServer } from './server.ts';
import type { PoolWorld } from './world.ts';

/** Until the lost server is back; or until it is fenced once more, which takes some time. */
const HELD_MS = { min: 1_000, max: 3_000, most: 14_000 };
/** How long after that fence. */
const AFTER_MS_MAX = 600;
/** When the lost server comes back, and for how long it stays. */
const BACK_MS_MAX = 800;
const STAYS_MS = { min: 1_500, max: 5_000 };

export class HeldClaims {
  readonly #world: PoolWorld;
  readonly #random: Random;
  #server: PoolServer | null = null;
  #until = 0;
  /** Whose next fence ends it, and the one before. */
  #awaited: { readonly server: PoolServer; readonly fence: number } | null = null;
  readonly counts = { heldClaims: 0 };

  constructor(world: PoolWorld, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** A client asks that server to take on a seat that was elsewhere. */
  asked(server: PoolServer): void {
    const { agenda, options } = this.#world;
    const { heldClaims } = options.faults;
    if (heldClaims === 0 || this.#world.calm || agenda.now < this.#until || server.leads) return;
    if (!this.#random.chance(heldClaims)) return;
    const again = this.comeBack();
    if (again === null) return;
    this.counts.heldClaims++;
    this.#server = server;
    const { min, max, most } = HELD_MS;
    const fence = this.#fenceOf(again);
    const awaits = fence !== null && this.#random.chance(0.5);
    this.#awaited = awaits ? { server: again, fence } : null;
    const forMs = awaits ? most : this.#random.between(min, max);
    this.#until = agenda.now + forMs;
    this.#world.trace(() => `what ${server.name} proposes is held up for ${forMs.toFixed(0)} ms`);
  }

  /** Who is lost comes back now, and one of them is lost again soon. Null where nobody is. */
  comeBack(): PoolServer | null {
    const { agenda, servers, observer, faults } = this.#world;
    const lost = servers.filter(({ id }) => observer.ledgers.servers.get(id)?.session === null);
    if (lost.length === 0) return null;
    const backMs = this.#random.between(0, BACK_MS_MAX);
    agenda.after(backMs, () => this.#world.mend());
    const again = this.#random.pick(lost);
    const lostMs = backMs + this.#random.between(STAYS_MS.min, STAYS_MS.max);
    agenda.after(lostMs, () => faults.loseSite(again));
    return again;
  }

  /** Servers did something. */
  look(): void {
    if (this.#awaited === null) return;
    const { server, fence } = this.#awaited;
    if (this.#fenceOf(server) === fence) return;
    this.#awaited = null;
    const { agenda } = this.#world;
    this.#until = Math.min(this.#until, agenda.now + this.#random.between(0, AFTER_MS_MAX));
  }

  #fenceOf({ id }: PoolServer): number | null {
    return this.#world.observer.ledgers.servers.get(id)?.fence ?? null;
  }

  /** Whether that gets nowhere. */
  holds(server: PoolServer, { message }: PeerSend): boolean {
    if (server !== this.#server || this.#world.agenda.now >= this.#until) return false;
    if (this.#world.calm) return false;
    if (message.type === 'report') return proposes(message.body);
    if (message.type !== 'raft') return false;
    const { message: raft } = message;
    const attachment = 'attachment' in raft ? raft.attachment : null;
    return attachment !== null && !server.leads && proposes(attachment);
  }
}

function proposes(report: Uint8Array): boolean {
  return decodeReport(report).proposals.length > 0;
}
