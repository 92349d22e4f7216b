/** Fields that a later version adds at the end of a message or a record are ignored (PROTOCOL.md). */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { decode, encode } from '../../src/engine/codec.ts';
import { decodeEntry, decodeProposal, encodeEntry } from '../../src/engine/ledger/entries.ts';
import { LedgerState } from '../../src/engine/ledger/state.ts';
import { decodeReport, encodeReport } from '../../src/engine/pool/report.ts';
import { readServerMessage } from '../../src/net/client/replies.ts';
import { readClientMessage, readHello } from '../../src/net/client-messages.ts';
import { peerFields, readPeerMessage } from '../../src/net/peer-codec.ts';
import { peerHello, readGreeting, readWelcome } from '../../src/net/peer-hello.ts';
import { PROTOCOL_MAX } from '../../src/net/protocol.ts';
import { fingerprintOf, makeRlf } from '../engine/sample-rlf.ts';
import { anyPeerMessage, ENDS } from './peer-samples.ts';

const MORE = ['later', { and: [1, null] }];

/** With more behind them at each level that may grow: a message, one of Raft's in it, its entries. */
function grown(fields: readonly unknown[]): unknown[] {
  const [type, sequence, first, ...rest] = fields;
  if (type !== 100) return [...fields, ...MORE];
  const inner = (first as unknown[]).map((field) => {
    const isEntries = Array.isArray(field) && field.every((one) => isEntry(one));
    return isEntries ? field.map((entry: unknown[]) => [...padded(entry), ...MORE]) : field;
  });
  return [type, sequence, [...inner, ...MORE], ...rest, ...MORE];
}

const isEntry = (value: unknown) => Array.isArray(value) && typeof value[1] === 'number';
/** A no-op has three fields; what comes later stands behind the four of the others. */
const padded = (entry: readonly unknown[]) => [...entry, ...(entry.length === 3 ? [null] : [])];

describe('a receiver ignores what is added', () => {
  test('to messages of servers', () => {
    fc.assert(
      fc.property(anyPeerMessage, (message) => {
        const fields = decode(encode(grown(peerFields(message)))) as unknown[];
        expect(readPeerMessage(fields, ENDS)).toEqual(message);
      }),
    );
  });

  test('to messages of clients, and to what they are answered', () => {
    const key = new Uint8Array(16);
    const asked = [
      [10, 1, key, null, 'App', null, 1, 0, 0, null, null],
      [20, 1, key, key, null, null],
      [30, 1, key, key, null],
      [40, 1, null, null, null, null],
      [60, 1, '{}', 'signature'],
    ];
    for (const fields of asked) {
      expect(() => readClientMessage([...fields, ...MORE])).not.toThrow();
    }
    const answered = [
      [11, 1, key, 9, 'Acme', 'App', '1.0', 1, 1],
      [21, 1, key, 9, 1],
      [31, 1, true, 1],
      [61, 1, {}],
    ];
    for (const fields of answered) expect(readServerMessage([...fields, ...MORE])).not.toBeNull();
    expect(readServerMessage([99, 1, ...MORE])).toBeNull();
  });

  test('to a hello, a welcome, and the greetings in them', () => {
    const greeting = { boot: 1, transaction: 2, start: 3, uptimeMs: 4 };
    const earlier = [[1, 2, 3]] as const;
    const about = { ...greeting, rlfSequence: 5, epoch: 6, format: 7, earlier };
    const own = { pool: 'east', name: 'A', fingerprint: fingerprintOf(1), greeting: about };
    const hello: unknown[] = peerHello(own);
    hello[9] = [...(hello[9] as unknown[]), ...MORE];
    expect(readGreeting(readHello([...hello, ...MORE])[9])).toEqual(about);
    const pool = ['east', 'A', 1, 'digest', 1, [['A', 'a:1', 'sha256:0', ...MORE]]];
    const welcome = [2, 1, PROTOCOL_MAX, ...pool, hello[9], ...MORE];
    expect(readWelcome(welcome)).toEqual({ protocol: PROTOCOL_MAX, greeting: about });
    // And what an earlier version leaves out.
    expect(readGreeting([1, 2, 3, 4])).toEqual(greeting);
  });

  test('to reports', () => {
    const report = {
      ...{ boot: 1, transaction: 2, session: 3, number: 4, wall: 5, returns: { fence: 6 } },
      ...{ change: 7, usage: [], firstProposal: 1, proposals: [], clock: { origin: 1, now: 2 } },
      ...{ rlf: 8, read: 9, program: { version: '1.2.3', protocol: 2, format: 3 } },
    };
    const fields = decode(encodeReport(report)) as unknown[];
    expect(decodeReport(encode([...fields, ...MORE]))).toEqual(report);
    const program = { version: '', protocol: 1, format: 1 };
    expect(decodeReport(encode(fields.slice(0, -1)))).toEqual({ ...report, program });
  });

  test('to entries and proposals, which keep it', () => {
    const entry = { type: 'mark', time: 1, later: MORE } as const;
    expect(decodeEntry(encodeEntry(entry))).toEqual(entry);
    const move = { type: 'move', license: 'l', from: 'a', to: 'b', count: 1, claim: null };
    expect(decodeProposal(encode({ ...move, later: 1 })) as unknown).toEqual({ ...move, later: 1 });
    const state = LedgerState.found(makeRlf({ servers: ['A'], codes: [{ limit: 4 }] }));
    expect(state.apply({ index: 2, term: 1, entry }, null).valid).toBe(true);
    expect(state.mark).toBe(1);
  });

  test('to a snapshot and its records', () => {
    const state = LedgerState.found(makeRlf({ servers: ['A', 'B'], codes: [{ limit: 4 }] }));
    state.apply({ index: 2, term: 1, entry: { type: 'mark', time: 1 } }, null);
    const snapshot = state.snapshot();
    const [head, rlf, accounts, ...rest] = decode(snapshot) as [unknown[], string, unknown[][]];
    const records = accounts.map(([license, record]) => {
      return [license, [...(record as unknown[]), ...MORE], ...MORE];
    });
    const other = LedgerState.outside(makeRlf({ servers: ['A', 'B'], codes: [] }));
    other.restore(encode([[...head, ...MORE], rlf, records, ...rest, ...MORE]));
    expect(other.snapshot()).toEqual(snapshot);
  });
});
