/**
 * A claim that is held up: the server that was asked for it keeps its window, and nothing that it
 * proposes gets through, while the lost server comes back, and may be lost once more.
 */
import type { PeerSend } from '../../../src/engine/effects.ts';
import { decodeReport } from '../../../src/engine/pool/report.ts';
import type { Random } from '../random.ts';
import type { PoolServer } from './server.ts';
import type { PoolWorld } from './world.ts';

/** Until the lost server is back, and until it is fenced once more. */
const HELD_MS = [2_000, 7_000, 12_000] as const;
/** When the lost server comes back, and for how long it stays. */
const BACK_MS_MAX = 800;
const STAYS_MS = { min: 1_500, max: 5_000 };

export class HeldClaims {
  readonly #world: PoolWorld;
  readonly #random: Random;
  #server: PoolServer | null = null;
  #until = 0;
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
    if (!this.#random.chance(heldClaims) || !this.comeBack()) return;
    this.counts.heldClaims++;
    this.#server = server;
    const forMs = this.#random.pick(HELD_MS) * this.#random.between(0.5, 1);
    this.#until = agenda.now + forMs;
    this.#world.trace(() => `what ${server.name} proposes is held up for ${forMs.toFixed(0)} ms`);
  }

  /** Who is lost comes back now, and may be lost again. False where nobody is. */
  comeBack(): boolean {
    const { agenda, servers, observer } = this.#world;
    const lost = servers.filter(({ id }) => observer.ledgers.servers.get(id)?.session === null);
    if (lost.length === 0) return false;
    const backMs = this.#random.between(0, BACK_MS_MAX);
    agenda.after(backMs, () => this.#world.mend());
    if (this.#random.chance(0.3)) return true;
    const again = this.#random.pick(lost);
    const lostMs = backMs + this.#random.between(STAYS_MS.min, STAYS_MS.max);
    agenda.after(lostMs, () => this.#world.faults.loseSite(again));
    return true;
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
