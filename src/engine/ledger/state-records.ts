/** The ledger's state on disk, record by record, and as one piece: a snapshot. */
import { decode, encode } from '../codec.ts';
import type { Configuration } from '../raft/types.ts';
import {
  drop,
  put,
  type RecordSource,
  read,
  Space,
  spacePrefix,
  textKey,
  type Write,
} from '../records.ts';
import { type Accounts, accountsRecord, assignAccounts, readAccounts } from './accounts.ts';
import { type Format, storedFormat } from './format.ts';
import { type HeldSeat, heldRecord, readHeld } from './held-seats.ts';
import { readLeaving } from './members.ts';
import { type MovedKey, movedRecord, readMoved } from './moved-keys.ts';
import type { LedgerState, Touched } from './state.ts';

const STATE_KEY = spacePrefix(Space.state);
const RLF_KEY = spacePrefix(Space.rlf);

/** What changed since the records were written last. */
export class StateWrites {
  readonly #state: LedgerState;
  #dirty = false;
  #rlf: unknown = null;
  readonly #licenses = new Set<string>();
  #others: Write[] = [];

  constructor(state: LedgerState) {
    this.#state = state;
  }

  touched(touched: Touched): void {
    this.#dirty = true;
    // Now, since what is dropped has no name later.
    for (const license of touched ?? this.#state.accounts.keys()) this.#licenses.add(license);
  }

  moved(moved: MovedKey): void {
    this.#others.push(put(keyOfMoved(moved), movedRecord(moved)));
  }

  forgotten(moved: MovedKey): void {
    this.#others.push(drop(keyOfMoved(moved)));
  }

  held(held: HeldSeat): void {
    this.#others.push(put(textKey(Space.held, held.key.id), heldRecord(held)));
  }

  released({ key }: HeldSeat): void {
    this.#others.push(drop(textKey(Space.held, key.id)));
  }

  /** Everything is to be written. */
  all(): void {
    this.touched(null);
    for (const held of this.#state.held.values()) this.held(held);
    for (const moved of this.#state.moved.all()) this.moved(moved);
  }

  /** Every record of now is to go. */
  forget(): void {
    this.#rlf = null;
    for (const moved of this.#state.moved.all()) this.forgotten(moved);
    for (const held of this.#state.held.values()) this.released(held);
    for (const id of this.#state.accounts.keys()) {
      this.#others.push(drop(textKey(Space.account, id)));
    }
  }

  take(): Write[] {
    if (!this.#dirty) return [];
    const { accounts, rlf } = this.#state;
    const writes: Write[] = [put(STATE_KEY, headRecord(this.#state)), ...this.#others];
    writes.push(...this.#state.format.takeWrites());
    if (this.#rlf !== rlf) writes.push(put(RLF_KEY, rlf.text));
    for (const id of [...this.#licenses].sort()) {
      const account = accounts.get(id);
      const key = textKey(Space.account, id);
      writes.push(account === undefined ? drop(key) : put(key, accountsRecord(account)));
    }
    this.#rlf = rlf;
    this.#dirty = false;
    this.#licenses.clear();
    this.#others = [];
    return writes;
  }
}

/** A state as it is read, before it is put into place. */
export interface StateRecord {
  /** The text of the RLF in force. */
  readonly rlf: string;
  into(state: LedgerState): void;
}

/**
 * From the records of a server, or from a snapshot; null where there is none.
 *
 * @throws LmError `config` where they are of a format that is not understood here.
 */
export function readStateRecord(
  source: RecordSource | Uint8Array,
  known: Format,
): StateRecord | null {
  if (source instanceof Uint8Array) {
    const [head, rlf, accounts, moved, held, format = 1] = decode(source) as [
      ...[unknown, string, [string, unknown][], unknown[], unknown[], number | undefined],
    ];
    known.require(format);
    return recordOf(rlf, [head, format], {
      accounts: accounts.map(([license, record]) => readAccounts(license, record)),
      moved: moved.map(readMoved),
      held: held.map(readHeld),
    });
  }
  const format = storedFormat(source);
  known.require(format);
  const head = source.get(STATE_KEY);
  const text = source.get(RLF_KEY);
  if (head === null || text === null) return null;
  const accounts = [...source.scan(spacePrefix(Space.account))].map(([key, value]) => {
    return readAccounts(Buffer.from(key.subarray(1)).toString('utf8'), read(value));
  });
  const moved = [...source.scan(spacePrefix(Space.moved))].map(([, value]) =>
    readMoved(read(value)),
  );
  const held = [...source.scan(spacePrefix(Space.held))].map(([, value]) => readHeld(read(value)));
  return recordOf(String(read(text)), [read(head), format], { accounts, moved, held });
}

function recordOf(
  rlf: string,
  [head, format]: readonly [head: unknown, format: number],
  { accounts, moved, held }: Parts,
): StateRecord {
  return {
    rlf,
    into(state) {
      state.format.restore(format);
      readHead(state, head);
      const named = new Set(accounts.map(({ license }) => license));
      for (const id of state.accounts.keys()) if (!named.has(id)) state.accounts.delete(id);
      for (const account of accounts) {
        const known = state.accounts.get(account.license);
        // Rows refer to the accounts that they have.
        if (known === undefined) state.accounts.set(account.license, account);
        else assignAccounts(known, account);
      }
      state.moved.clear();
      for (const one of moved) state.moved.add(one);
      state.held.restore(held);
    },
  };
}

/** All of a state, as bytes. */
export function stateRecord(state: LedgerState): Uint8Array {
  const accounts = [...state.accounts].sort(([a], [b]) => (a < b ? -1 : 1));
  return encode([
    headRecord(state),
    state.rlf.text,
    accounts.map(([license, account]) => [license, accountsRecord(account)]),
    [...state.moved.all()].map(movedRecord),
    [...state.held.values()].sort(byId).map(heldRecord),
    // At this place in every format.
    state.format.current,
  ]);
}

interface Parts {
  readonly accounts: readonly Accounts[];
  readonly moved: readonly MovedKey[];
  readonly held: readonly HeldSeat[];
}

function byId(a: HeldSeat, b: HeldSeat): number {
  return a.key.id < b.key.id ? -1 : 1;
}

function headRecord(state: LedgerState): unknown[] {
  const { applied, term, configuration, mark, epoch, secrets } = state;
  const { voters, learners } = configuration;
  const evicted = [...state.evicted].sort(([a], [b]) => (a < b ? -1 : 1));
  const numbers = [applied, term, mark, epoch, secrets.generation];
  const servers = [state.servers.record(), state.members.record()];
  const rest = [
    [voters, learners],
    servers,
    evicted,
    secrets.record(),
    secrets.isStale,
    state.awaited,
  ];
  return [...numbers, secrets.current, ...rest];
}

function readHead(state: LedgerState, record: unknown): void {
  const [
    applied,
    term,
    mark,
    epoch,
    generation,
    secret,
    [voters, learners],
    servers,
    evicted,
    former,
    isStale,
    awaited,
  ] = record as [
    ...[number, number, number, number, number, Uint8Array | null],
    ...[[Configuration['voters'], Configuration['learners']], unknown[], [string, number][]],
    unknown,
    boolean | undefined,
    LedgerState['awaited'] | undefined,
  ];
  state.applied = applied;
  state.term = term;
  state.mark = mark;
  state.epoch = epoch;
  state.awaited = awaited ?? [];
  state.secrets.restore(generation, secret, former);
  state.secrets.isStale = isStale ?? false;
  state.configuration = { voters, learners };
  state.servers.restore(servers[0]);
  state.members.restore(state.rlf, readLeaving(servers[1]));
  state.evicted.clear();
  for (const [id, until] of evicted) state.evicted.set(id, until);
}

function keyOfMoved({ from, key }: MovedKey): Uint8Array {
  return textKey(Space.moved, `${from}\n${key.id}`);
}
