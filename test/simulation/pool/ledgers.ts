/**
 * The ledger as the servers of a pool have it: equal wherever as much is applied, balanced, and led
 * by one server a term.
 */
import { createHash } from 'node:crypto';
import type { LedgerState, ServerState } from '../../../src/engine/ledger/state.ts';
import { check } from '../failure.ts';
import { WALL_START } from '../host.ts';
import { FASTEST } from './options.ts';
import type { PoolProcess, PoolServer } from './server.ts';

/** What the newest applied state of any server lets be in use. */
export interface Bound {
  readonly hardLimit: number;
  readonly deficit: number;
}

/** How far a mark may be ahead of all clocks that are right. */
const MARK_SLACK_MS = 1_500;

export class Ledgers {
  /** By index, once some server applied it. */
  readonly #hashes = new Map<number, string>();
  readonly #leaders = new Map<number, string>();
  readonly #seen = new Set<string>();
  readonly #applied = new WeakMap<PoolProcess, number>();
  /** The highest index that any server applied, and the limits then. */
  newest = 0;
  bounds: ReadonlyMap<string, Bound> = new Map();
  /** The servers, as the newest state has them. */
  servers: ReadonlyMap<string, Readonly<ServerState>> = new Map();
  readonly counts = { elections: 0, fences: 0, openings: 0, returns: 0, lowered: 0 };

  /** Whether that server applied more since it was last looked at. */
  turned(process: PoolProcess): boolean {
    this.#checkLeader(process);
    const applied = process.core.applied ?? process.core.state.applied;
    if (this.#applied.get(process) === applied) return false;
    const before = this.#applied.get(process) ?? 0;
    check(applied >= before, 'what is applied stays applied', () => [applied, before]);
    this.#applied.set(process, applied);
    const { state } = process.core;
    const text = ledgerText(state);
    this.#checkBalance(state);
    this.#checkEqual(process, applied, text);
    this.#checkMark(process, state);
    if (applied > this.newest) this.#takeNewest(applied, state);
    return true;
  }

  /** How often it was opened. */
  generation(server: PoolServer): number {
    return this.servers.get(server.id)?.generation ?? 0;
  }

  /**
   * A server that grants or renews has entered the pool with this start, and has no fence since: a
   * fence that anybody applied is proof that its window was over.
   */
  checkIssues({ server, boot }: PoolProcess): void {
    const known = this.servers.get(server.id);
    const facts = () => ({ server: server.name, boot, known });
    check(!server.restored, 'a server that was rolled back issues nothing', facts);
    const entered = known?.state === 'returned' && known.boot === boot;
    check(entered, 'only a server that is in the pool issues', facts);
  }

  #checkLeader({ server, life, core }: PoolProcess): void {
    if (core.leads !== true) return;
    const leader = `${server.name} in its life ${life}`;
    const known = this.#leaders.get(core.term);
    if (known === undefined) this.counts.elections++;
    this.#leaders.set(core.term, leader);
    check((known ?? leader) === leader, 'one leader a term', () => [core.term, known, leader]);
  }

  #checkEqual({ server }: PoolProcess, index: number, text: string): void {
    const hash = createHash('sha256').update(text).digest('base64');
    const known = this.#hashes.get(index);
    this.#hashes.set(index, hash);
    const same = (known ?? hash) === hash;
    check(same, 'servers that applied as much are equal', () => [server.name, index, text]);
  }

  #checkBalance({ accounts }: LedgerState): void {
    for (const [license, { hardLimit, deficit, freePool, records, rows }] of accounts) {
      let sum = freePool + records;
      for (const seats of rows.values()) sum += seats;
      const facts = () => ({ license, hardLimit, deficit, freePool, rows: [...rows] });
      check(sum === hardLimit + deficit, 'accounts balance', facts);
    }
  }

  /** A majority's clocks are right, so what a majority has passed is not ahead of all of them. */
  #checkMark({ server }: PoolProcess, { mark }: LedgerState): void {
    const ahead = mark - (WALL_START + server.host.trueNow * FASTEST);
    check(ahead <= MARK_SLACK_MS, 'the mark is not ahead of a majority', () => ahead);
  }

  #takeNewest(applied: number, { accounts, servers }: LedgerState): void {
    this.newest = applied;
    const bounds = new Map<string, Bound>();
    for (const [license, { hardLimit, deficit }] of accounts) {
      bounds.set(license, { hardLimit, deficit });
      if (deficit > (this.bounds.get(license)?.deficit ?? 0)) this.counts.lowered++;
    }
    this.bounds = bounds;
    this.servers = new Map([...servers].map(([id, server]) => [id, { ...server }]));
    for (const [id, { state, boot, generation, fence }] of servers) {
      if (fence !== null && this.#isNew(`${id} fenced ${fence}`)) this.counts.fences++;
      if (generation > 0 && this.#isNew(`${id} opened ${generation}`)) this.counts.openings++;
      const returned = state === 'returned' && this.#isNew(`${id} returned ${boot} ${fence}`);
      if (returned) this.counts.returns++;
    }
  }

  #isNew(event: string): boolean {
    if (this.#seen.has(event)) return false;
    this.#seen.add(event);
    return true;
  }
}

/** Everything about the state that must be the same everywhere. */
function ledgerText({ mark, rlf, secretGeneration, servers, accounts }: LedgerState): string {
  return JSON.stringify(inOrder([mark, rlf.sequence, secretGeneration, servers, accounts]));
}

/** Maps and objects with their fields in order: how they came to be may differ. */
function inOrder(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(inOrder);
  if (value instanceof Set) return [...value].sort().map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const fields = value instanceof Map ? [...value] : Object.entries(value);
  return fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, inOrder(field)]);
}
