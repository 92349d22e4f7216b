/**
 * Who waits at which server of a pool, as it looks from outside, and that nobody passes whoever came
 * earlier and keeps asking (DESIGN section 8): at one server always; at different ones as soon as
 * the leader can know, and as long as nothing goes wrong between servers.
 */
import type { ClientMessage } from '../../../src/engine/messages.ts';
import { MessageType } from '../../../src/engine/messages.ts';
import { idTextOfKey } from '../../../src/engine/seat-key.ts';
import { check } from '../failure.ts';
import { LineModel, type Place } from '../line-model.ts';
import type { PoolConnection } from './connection.ts';
import type { PoolProcess, PoolServer } from './server.ts';

/** What it takes until the leader knows all lines, and all servers know of them. */
const KNOWN_MS = 4_000;
/** And until that is so again after something went wrong. */
const SETTLED_MS = 10_000;
/** By how much pool time differs between servers: as long as a message takes. */
const SKEW_MS = 1_000;
const NEVER = { boot: 0, wall: 0 };

export class PoolLines {
  readonly #now: () => number;
  /** Since when nothing goes wrong between servers, true time; null where that can't be said. */
  readonly #wellSince: () => number | null;
  readonly #lines = new Map<PoolServer, LineModel>();
  /** When a seat was first asked for, at any server. */
  readonly #first = new Map<string, number>();

  constructor(
    servers: readonly PoolServer[],
    { now, wellSince }: { readonly now: () => number; readonly wellSince: () => number | null },
  ) {
    this.#now = now;
    this.#wellSince = wellSince;
    for (const server of servers) this.#lines.set(server, new LineModel(now));
  }

  arrived(connection: PoolConnection, message: ClientMessage): void {
    const line = this.#lines.get(connection.server);
    if (message[0] === MessageType.release) line?.leaves(idTextOfKey(message[2]));
    if (message[0] !== MessageType.request) return;
    const [, , key, , application, , count, patienceMs, holdMs] = message;
    const id = idTextOfKey(key);
    if (!this.#first.has(id)) this.#first.set(id, this.#now());
    const patienceEnd = connection.server.host.boot + patienceMs;
    const asked = { id, application, count, holds: holdMs > 0, connection, patienceEnd };
    line?.arrived(asked);
  }

  closed(connection: PoolConnection): void {
    this.#lines.get(connection.server)?.closed(connection);
  }

  waits({ server, process }: PoolConnection, id: string, application: string): void {
    const licenses = process?.core.state.table.byApplication(application) ?? [];
    const [only] = licenses.length === 1 ? licenses : [];
    this.#lines.get(server)?.waits(id, only?.id ?? null);
  }

  /** It got its seats, or was turned away, for the reason given. */
  answered({ server }: PoolConnection, id: string, reason: string | boolean | null): void {
    const line = this.#lines.get(server);
    // Without its window a server does not look at the line: whoever has a place keeps it.
    if (reason === 'no-majority') line?.leaves(id);
    else line?.settled(id);
  }

  turned({ server }: PoolProcess): void {
    const line = this.#lines.get(server);
    for (const id of line?.ids() ?? []) if (hasKey(server, id)) line?.settled(id);
    line?.turned();
  }

  died(server: PoolServer): void {
    this.#lines.get(server)?.forgotten();
  }

  /** Seats of that license are granted there: nobody waits who came before. */
  granted({ server }: PoolConnection, id: string, license: string): void {
    const own = this.#lines.get(server)?.get(id);
    // The seats of a hold are taken before it is granted: others may come in between.
    if (own === undefined || own.holds) return;
    for (const [at, line] of this.#lines) {
      for (const other of line.waiting(license, at.host.boot)) {
        if (other.holds || other.id === id) continue;
        // It may have waited elsewhere before, and shown its place here.
        const first = this.#first.get(id) ?? own.earliest;
        const since = first < own.earliest ? first - SKEW_MS : own.earliest;
        const isPassed = at === server ? other.latest < since : this.#isPassed(own, other);
        const facts = () => ({ license, at: at.name, other, server: server.name, own });
        const isServed = isPassed && hasKey(at, other.id);
        check(!isPassed || isServed, 'nobody passes those who wait', () => brief(facts()));
      }
    }
  }

  #isPassed(own: Place, other: Place): boolean {
    const wellSince = this.#wellSince();
    const since = this.#first.get(own.id) ?? 0;
    if (wellSince === null || wellSince + SETTLED_MS > since) return false;
    return other.latest + KNOWN_MS < since;
  }
}

/** Whoever claims its seat where it waits does not wait any more. */
function hasKey({ process }: PoolServer, id: string): boolean {
  return process !== null && process.core.authorization(id, NEVER) !== null;
}

function brief({ own, other, ...rest }: { readonly own: Place; readonly other: Place }): unknown {
  const words = ({ connection, earliest, latest, count }: Place) => {
    return { client: connection.client.name, earliest, latest, count };
  };
  return { ...rest, own: words(own), other: words(other) };
}
