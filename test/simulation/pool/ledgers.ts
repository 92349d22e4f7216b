/**
 * The ledger as the servers of a pool have it: equal wherever as much is applied, balanced, and led
 * by one server a term.
 */
import { createHash } from 'node:crypto';
import { decode } from '../../../src/engine/codec.ts';
import type { ServerState } from '../../../src/engine/ledger/servers.ts';
import type { LedgerState } from '../../../src/engine/ledger/state.ts';
import { check } from '../failure.ts';
import { WALL_START } from '../host.ts';
import { FASTEST } from './options.ts';
import { Rollouts } from './rollouts.ts';
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
  /** Licenses of which seats were owed as far as a process knew when it was last looked at. */
  readonly #owed = new WeakMap<PoolProcess, ReadonlySet<string>>();
  /** The highest index that any server applied, and the limits then. */
  newest = 0;
  #sequence = 0;
  #format = 0;
  bounds: ReadonlyMap<string, Bound> = new Map();
  /** Of a restart of the pool, while seats of before may be in use. */
  #before: { readonly epoch: number; readonly bounds: ReadonlyMap<string, Bound> } | null = null;
  /** The servers, as the newest state has them. */
  servers: ReadonlyMap<string, Readonly<ServerState>> = new Map();
  #rollouts = new Rollouts();
  readonly #opened = new Map<string, number>();
  /** By id of an evicted key: an entry by which it was. */
  readonly #evicted = new Map<string, number>();
  /** True time of the last election. */
  electedAt = 0;
  #moved: LedgerState['moved'] | null = null;
  #held: LedgerState['held'] | null = null;
  readonly counts = { elections: 0, fences: 0, openings: 0, returns: 0, lowered: 0 };

  /**
   * A majority is gone for good: what those knew beyond `known` is void. Until all keys of before
   * have ended, under the next epoch, as much may be in use as before.
   */
  restarts(known: LedgerState, epoch: number): void {
    for (const index of this.#hashes.keys()) if (index > known.applied) this.#hashes.delete(index);
    this.newest = known.applied;
    this.#sequence = known.rlf.sequence;
    this.#rollouts = new Rollouts();
    for (const id of this.#evicted.keys()) if (!known.evicted.has(id)) this.#evicted.delete(id);
    this.#before = { epoch, bounds: this.bounds };
  }

  /** The newest state has that record, by the entry of that index, or any. */
  isHeldAs(id: string, index: number | null): boolean {
    const held = this.#held?.get(id);
    return held !== undefined && (index === null || held.index === index);
  }

  /** Whether that server applied more since it was last looked at. */
  turned(process: PoolProcess): boolean {
    if (process.server.lost) return false;
    this.#checkLeader(process);
    const applied = process.core.applied;
    // One that waits to be taken in knows nothing.
    if (applied === 0) return false;
    if (this.#applied.get(process) === applied) return false;
    const before = this.#applied.get(process) ?? 0;
    check(applied >= before, 'what is applied stays applied', () => [applied, before]);
    if (applied > this.newest) {
      const { current } = process.core.state.format;
      check(current >= this.#format, 'the format never falls', () => [current, this.#format]);
      this.#format = current;
    }
    this.#applied.set(process, applied);
    this.#owed.set(process, owedIn(process.core.state));
    const { state } = process.core;
    this.#checkBalance(state);
    this.#checkEqual(process, applied);
    this.#checkMark(process, state);
    if (applied > this.newest) this.#takeNewest(applied, state);
    return true;
  }

  /** The newest entry by which that key changed servers: an index, or 0. */
  moved(id: string): number {
    let newest = 0;
    for (const { key, index } of this.#moved?.all() ?? []) {
      if (key.id === id) newest = Math.max(newest, index);
    }
    return newest;
  }

  /** A seat of that license is in a record. */
  isRecorded(id: string, license: string): boolean {
    return this.#held?.get(id)?.license === license;
  }

  /** When seats of that license were last opened at that server: an index, or 0. */
  opened(server: PoolServer, license: string): number {
    return this.#opened.get(`${server.id} ${license}`) ?? 0;
  }

  /**
   * A server that grants or renews has entered the pool with this start, and has no fence since: a
   * fence that anybody applied is proof that its window was over.
   */
  checkIssues({ server, boot }: PoolProcess): void {
    const known = this.servers.get(server.id);
    const facts = () => ({ server: server.name, boot, known });
    check(!server.restored, 'a server that was rolled back issues nothing', facts);
    const entered = known !== undefined && known.session !== null && known.boot === boot;
    check(entered, 'only a server that is in the pool issues', facts);
  }

  #checkLeader({ server, life, core }: PoolProcess): void {
    if (core.leads !== true) return;
    const leader = `${server.name} in its life ${life}`;
    const known = this.#leaders.get(core.term);
    if (known === undefined) {
      this.counts.elections++;
      this.electedAt = server.host.trueNow;
    }
    this.#leaders.set(core.term, leader);
    check((known ?? leader) === leader, 'one leader a term', () => [core.term, known, leader]);
  }

  #checkEqual({ server, core }: PoolProcess, index: number): void {
    const hash = createHash('sha256').update(stateText(core.state)).digest('base64');
    const known = this.#hashes.get(index);
    this.#hashes.set(index, hash);
    const same = (known ?? hash) === hash;
    check(same, 'servers that applied as much are equal', () => [server.name, index]);
  }

  #checkBalance({ accounts, held }: LedgerState): void {
    const inRecords = new Map<string, number>();
    for (const { license, key } of held.values()) {
      inRecords.set(license, (inRecords.get(license) ?? 0) + key.count);
    }
    for (const [license, { hardLimit, deficit, freePool, records, rows }] of accounts) {
      let sum = freePool + records;
      for (const seats of rows.values()) sum += seats;
      const facts = () => ({ license, hardLimit, deficit, freePool, rows: [...rows] });
      check(sum === hardLimit + deficit, 'accounts balance', facts);
      const found = inRecords.get(license) ?? 0;
      check(records === found, 'every seat in a record is held', () => ({
        license,
        records,
        found,
      }));
    }
  }

  /** A majority's clocks are right, so what a majority has passed is not ahead of all of them. */
  #checkMark({ server }: PoolProcess, { mark }: LedgerState): void {
    const ahead = mark - (WALL_START + server.host.trueNow * FASTEST);
    check(ahead <= MARK_SLACK_MS, 'the mark is not ahead of a majority', () => ahead);
  }

  /** Before what it did last, a server knew that this key was evicted. */
  knewEvicted(process: PoolProcess, id: string): boolean {
    const evicted = this.#evicted.get(id) ?? Number.POSITIVE_INFINITY;
    return (this.#applied.get(process) ?? 0) >= evicted;
  }

  /** All the time since before what it did last, a server knew that seats are owed. */
  knowsOwed(process: PoolProcess, license: string): boolean {
    const { applied, state } = process.core;
    if (applied - (this.#applied.get(process) ?? 0) > 1) return false;
    const before = this.#owed.get(process)?.has(license) === true;
    return before && (state.accounts.get(license)?.deficit ?? 0) > 0;
  }

  #takeNewest(applied: number, state: LedgerState): void {
    const { accounts, servers, members, rlf, moved, held } = state;
    this.newest = applied;
    const { sequence } = rlf;
    check(sequence >= this.#sequence, 'a newer RLF stays in force', () => sequence);
    this.#sequence = sequence;
    this.#rollouts.newest(state);
    for (const id of state.evicted.keys()) {
      if (!this.#evicted.has(id)) this.#evicted.set(id, applied);
    }
    this.#moved = moved;
    this.#held = held;
    this.#opened.clear();
    const bounds = new Map<string, Bound>();
    for (const [license, { hardLimit, deficit, opened }] of accounts) {
      bounds.set(license, { hardLimit, deficit });
      if (deficit > (this.bounds.get(license)?.deficit ?? 0)) this.counts.lowered++;
      for (const [server, index] of opened) {
        this.#opened.set(`${server} ${license}`, index);
        if (this.#isNew(`${server} ${license} opened ${index}`)) this.counts.openings++;
      }
    }
    this.bounds = this.#sinceBefore(bounds, state);
    const known = new Map<string, Readonly<ServerState>>();
    for (const { fingerprint: id } of members.all) {
      const server = servers.get(id);
      if (server === undefined) continue;
      known.set(id, { ...server });
      const { fence, session } = server;
      if (fence !== null && this.#isNew(`${id} fenced ${fence}`)) this.counts.fences++;
      if (session !== null && this.#isNew(`${id} returned ${session}`)) this.counts.returns++;
    }
    this.servers = known;
  }

  #sinceBefore(bounds: Map<string, Bound>, state: LedgerState): ReadonlyMap<string, Bound> {
    if (this.#before === null) return bounds;
    if (state.epoch >= this.#before.epoch && state.awaited.length === 0) {
      checkRows(state);
      this.#before = null;
      return bounds;
    }
    for (const [license, before] of this.#before.bounds) {
      const { hardLimit, deficit } = bounds.get(license) ?? { hardLimit: 0, deficit: 0 };
      const isLess = hardLimit + deficit < before.hardLimit + before.deficit;
      if (isLess) bounds.set(license, before);
    }
    return bounds;
  }

  #isNew(event: string): boolean {
    if (this.#seen.has(event)) return false;
    this.#seen.add(event);
    return true;
  }
}

/** What the lost held passed on, as nobody of before is awaited any more. */
function checkRows({ accounts, configuration, members }: LedgerState): void {
  for (const { rows, license } of accounts.values()) {
    const lost = [...rows.keys()].filter((id) => {
      return !configuration.voters.includes(id) && !members.lists(id);
    });
    check(lost.length === 0, 'the lost have no row', () => ({ license, lost }));
  }
}

function owedIn({ accounts }: LedgerState): Set<string> {
  const owed = [...accounts.values()].filter(({ deficit }) => deficit > 0);
  return new Set(owed.map(({ license }) => license));
}

/** All of it, keys that moved by index: in which order they are kept says how they came. */
function stateText(state: LedgerState): string {
  const [head, rlf, accounts, moved, ...rest] = decode(state.snapshot()) as [
    ...[unknown, string, unknown],
    [number, ...unknown[]][],
    ...unknown[],
  ];
  return JSON.stringify([head, rlf, accounts, moved.sort(([a], [b]) => a - b), rest]);
}
