/**
 * What this server knows of the others: who is up and, as leader, who acked when, which ack to
 * echo, and each follower's usage (DESIGN section 5, FIG. 9). A new leader begins with nothing, and
 * has the picture once its followers acked.
 */
import { LEADER_MISSING_MS } from '../limits.ts';
import type { Program } from '../program.ts';
import type { ServerId } from '../raft/types.ts';
import type { Report, Usage } from './report.ts';
import type { LeaderWord } from './word.ts';

/** A follower, as its leader knows it in this term. */
export class Peer {
  /** When it acked last; null before it did in this term. */
  ackedAt: number | null = null;
  up = false;
  /** Its newest ack. */
  echo: LeaderWord['echo'] = null;
  boot = 0;
  wall = 0;
  /** The sequence of the RLF in force there, or 0. */
  rlf = 0;
  /** The highest one that was read there. */
  read = 0;
  /** What runs there; null before it said so in this term. */
  program: Program | null = null;
  /** The return that it asks for. */
  returns: Report['returns'] = null;
  /** Usage by license, up to this change. */
  readonly usage = new Map<string, Usage>();
  change = 0;
}

export class Picture {
  readonly #peers = new Map<ServerId, Peer>();
  /** A follower's knowledge: what its leader said last. */
  #word: LeaderWord['servers'] = [];

  peer(server: ServerId): Peer {
    let peer = this.#peers.get(server);
    if (peer === undefined) {
      peer = new Peer();
      this.#peers.set(server, peer);
    }
    return peer;
  }

  /** Another leader, or another term: nothing that was heard counts any more. */
  forget(): void {
    this.#peers.clear();
  }

  /** Pool time is counted anew. */
  shift(byMs: number): void {
    for (const { usage } of this.#peers.values()) {
      for (const [license, row] of usage) usage.set(license, shifted(row, byMs));
    }
  }

  heard({ servers }: LeaderWord): void {
    this.#word = servers;
  }

  /** Up, as this follower's leader said last. */
  saidUp(server: ServerId): boolean {
    return this.#word.some(({ id, up }) => id === server && up);
  }

  /** An ack or a report of a follower. */
  reported(server: ServerId, report: Report): Peer {
    const peer = this.peer(server);
    // What it said before it started anew may come late.
    if (report.boot < peer.boot) return peer;
    if (report.boot > peer.boot) {
      peer.boot = report.boot;
      peer.change = 0;
      peer.usage.clear();
    }
    peer.wall = report.wall;
    peer.rlf = report.rlf;
    peer.read = report.read;
    peer.program = report.program;
    peer.returns = report.returns;
    if (report.change >= peer.change) {
      peer.change = report.change;
      for (const usage of report.usage) peer.usage.set(usage.license, usage);
    }
    const { session, number } = report;
    if (session === null) peer.echo = null;
    else if (number !== null && isNewer({ session, number }, peer.echo)) {
      peer.echo = { session, number };
    }
    return peer;
  }

  /** As this leader knows it, by license; null before it heard it in this term. */
  usage(server: ServerId): ReadonlyMap<string, Usage> | null {
    const { usage, ackedAt } = this.peer(server);
    return ackedAt === null ? null : usage;
  }

  acked(server: ServerId, now: number): void {
    const peer = this.peer(server);
    peer.ackedAt = now;
    peer.up = true;
  }

  gone(server: ServerId): void {
    const peer = this.#peers.get(server);
    if (peer !== undefined) peer.up = false;
  }

  /** Up, as this leader sees it. */
  isUp(server: ServerId, now: number): boolean {
    const peer = this.#peers.get(server);
    if (peer === undefined || !peer.up || peer.ackedAt === null) return false;
    return now < peer.ackedAt + LEADER_MISSING_MS;
  }
}

/** What a server says of a row, in another reading of pool time. */
export function shifted(usage: Usage, byMs: number): Usage {
  const { headSince } = usage;
  return headSince === null || byMs === 0 ? usage : { ...usage, headSince: headSince + byMs };
}

function isNewer(
  ack: { readonly session: number; readonly number: number },
  known: LeaderWord['echo'],
): boolean {
  if (known === null || known.session !== ack.session) return true;
  return ack.number > known.number;
}
