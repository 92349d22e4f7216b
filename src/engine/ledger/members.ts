/**
 * Who belongs to the pool (DESIGN sections 5 and 9): the servers of the RLF in force, and those
 * that it no longer names and that have not left Raft's configuration yet, which drain.
 */
import type { Rlf, RlfServer } from '../license/types.ts';
import type { Configuration, ServerId } from '../raft/types.ts';

export class Members {
  #listed: readonly RlfServer[] = [];
  /** Invariant: in Raft's configuration as it is applied, and not in the RLF in force. */
  #leaving: readonly RlfServer[] = [];
  #all: readonly RlfServer[] = [];
  #ids: ReadonlySet<ServerId> = new Set();

  /** In leader-priority order, those that leave at the end. Another array when it changed. */
  get all(): readonly RlfServer[] {
    return this.#all;
  }

  get leaving(): readonly RlfServer[] {
    return this.#leaving;
  }

  /** The RLF in force names it. */
  lists(server: ServerId): boolean {
    return this.#ids.has(server);
  }

  find(server: ServerId): RlfServer | undefined {
    return this.#all.find(({ fingerprint }) => fingerprint === server);
  }

  /** The server of the RLF in force that has this name; with another key it is a successor. */
  named(name: string): RlfServer | undefined {
    return this.#listed.find((server) => server.name === name);
  }

  /** An RLF is in force. */
  follow({ servers }: Rlf, configuration: Configuration): void {
    const before = this.#all;
    this.#listed = servers;
    this.#ids = new Set(servers.map(({ fingerprint }) => fingerprint));
    this.#leave(before, configuration);
  }

  /** The servers that take part in Raft are others. */
  configured(configuration: Configuration): void {
    this.#leave(this.#leaving, configuration);
  }

  restore({ servers }: Rlf, leaving: readonly RlfServer[]): void {
    this.#listed = servers;
    this.#ids = new Set(servers.map(({ fingerprint }) => fingerprint));
    this.#leaving = leaving;
    this.#all = [...servers, ...leaving];
  }

  record(): unknown[] {
    return this.#leaving.map(({ name, address, fingerprint }) => [name, address, fingerprint]);
  }

  #leave(candidates: readonly RlfServer[], configuration: Configuration): void {
    this.#leaving = candidates.filter(({ fingerprint }) => {
      return !this.lists(fingerprint) && takesPart(fingerprint, configuration);
    });
    this.#all = [...this.#listed, ...this.#leaving];
  }
}

/** Whom to be linked to: the members, and whom an RLF names that is only offered. */
export class PeerList {
  #members: readonly RlfServer[] = [];
  #others: readonly RlfServer[] = [];
  #all: readonly RlfServer[] = [];

  of(members: readonly RlfServer[], others: readonly RlfServer[]): readonly RlfServer[] {
    if (members === this.#members && sameOrEmpty(others, this.#others)) return this.#all;
    this.#members = members;
    this.#others = others;
    const named = new Set(others.map(({ fingerprint }) => fingerprint));
    // What is offered is newer: a server may have another address there.
    this.#all = [...others, ...members.filter(({ fingerprint }) => !named.has(fingerprint))];
    return this.#all;
  }
}

function sameOrEmpty(a: readonly RlfServer[], b: readonly RlfServer[]): boolean {
  return a === b || (a.length === 0 && b.length === 0);
}

/** As a voter or a learner. */
export function takesPart(server: ServerId, { voters, learners }: Configuration): boolean {
  return voters.includes(server) || learners.includes(server);
}

export function readLeaving(record: unknown): RlfServer[] {
  const fields = record as [name: string, address: string, fingerprint: string][];
  return fields.map(([name, address, fingerprint]) => ({ name, address, fingerprint }));
}
