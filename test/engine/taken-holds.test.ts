/** DESIGN sections 4 and 8: held seats that change hands, as the ledger has them. */
import { describe, expect, test } from 'bun:test';
import type { ClaimedKey, Entry, Proposal } from '../../src/engine/ledger/entries.ts';
import { LedgerState } from '../../src/engine/ledger/state.ts';
import { fingerprintOf, makeRlf } from './sample-rlf.ts';

const [A, B] = [fingerprintOf(0), fingerprintOf(1)];
const ID = 'a key of 16 byte';
const KEY: ClaimedKey = {
  ...{ id: ID, count: 1, lifetimeMs: 60_000, since: 0 },
  holder: ['user', 'host', 1, 'address', 'an instance of 16'.slice(0, 16)],
};

/** A pool of A and B that returned, in which A entered a hold. */
class Ledger {
  readonly state = LedgerState.found(makeRlf({ servers: ['A', 'B'], codes: [{ limit: 4 }] }));
  readonly license: string;
  readonly #numbers = new Map<string, number>();

  constructor() {
    this.apply({ type: 'mark', time: 1 });
    [this.license = ''] = [...this.state.accounts.keys()];
    for (const server of [A, B]) this.apply({ type: 'returned', server, boot: 1, fence: null });
    this.propose(A, { type: 'record', license: this.license, key: KEY, commute: null });
  }

  apply(entry: Entry): boolean {
    const { applied, term } = this.state;
    return this.state.apply({ index: applied + 1, term, entry }, null).valid;
  }

  propose(server: string, proposal: Proposal): boolean {
    const number = (this.#numbers.get(server) ?? 0) + 1;
    this.#numbers.set(server, number);
    const session = this.state.servers.get(server)?.session ?? 0;
    return this.apply({ ...proposal, by: { server, session, number } });
  }

  get heldSince(): number {
    return this.state.held.get(ID)?.index ?? 0;
  }

  get free(): number {
    return this.state.accounts.get(this.license)?.freePool ?? 0;
  }
}

describe('a hold', () => {
  test('that was taken over is found at the server that took it, also by its old ticket', () => {
    const ledger = new Ledger();
    const { license, state } = ledger;
    expect(ledger.propose(B, { type: 'record-take', license, key: KEY })).toBe(true);
    expect(state.moved.whereabouts(ID, A)).toEqual({ server: B, since: state.applied });
    // And once that one is fenced, where it was claimed to.
    ledger.apply({ type: 'fenced', server: B });
    const claim = { key: KEY, fence: state.applied };
    const moves = { type: 'move', license, from: B, to: A, count: 1, claim } as const;
    expect(ledger.propose(A, moves)).toBe(true);
    expect(state.moved.whereabouts(ID, B)).toEqual({ server: A, since: state.applied });
    expect(state.moved.whereabouts(ID, A)?.server).toBe(A);
    // That it left B is forgotten once B is opened; where it is, is not.
    const fence = claim.fence;
    expect(ledger.apply({ type: 'opened', server: B, fence, licenses: [license] })).toBe(true);
    expect(state.moved.whereabouts(ID, A)?.server).toBe(A);
  });

  test('is found where it was claimed to, also once its old server is opened', () => {
    const ledger = new Ledger();
    const { license, state } = ledger;
    ledger.propose(B, { type: 'record-take', license, key: KEY });
    ledger.apply({ type: 'fenced', server: B });
    const fence = state.applied;
    const claim = { key: KEY, fence };
    ledger.propose(A, { type: 'move', license, from: B, to: A, count: 1, claim });
    expect(ledger.apply({ type: 'opened', server: B, fence, licenses: [license] })).toBe(true);
    expect(state.moved.whereabouts(ID, A)?.server).toBe(A);
  });

  test('does not end by a time that was up before it was renewed', () => {
    const ledger = new Ledger();
    const { license, heldSince: since } = ledger;
    const before = ledger.free;
    expect(ledger.propose(A, { type: 'record-renew', license, id: ID })).toBe(true);
    expect(ledger.propose(B, { type: 'record-end', license, id: ID, since })).toBe(false);
    expect(ledger.free).toBe(before);
    const newest = ledger.heldSince;
    expect(ledger.propose(B, { type: 'record-end', license, id: ID, since: newest })).toBe(true);
    expect(ledger.free).toBe(before + 1);
  });

  test('is given back whenever its holder says so', () => {
    const ledger = new Ledger();
    const { license } = ledger;
    ledger.propose(A, { type: 'record-renew', license, id: ID });
    expect(ledger.propose(B, { type: 'record-end', license, id: ID, since: null })).toBe(true);
    expect([...ledger.state.held.values()]).toEqual([]);
  });
});
