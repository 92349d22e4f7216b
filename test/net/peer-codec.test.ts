/** DESIGN section 3: what servers say to each other survives the wire, and nothing else passes. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { decode, encode } from '../../src/engine/codec.ts';
import { LmError } from '../../src/engine/errors.ts';
import { PEER_BODY_BYTES_MAX } from '../../src/engine/limits.ts';
import type { PeerMessage } from '../../src/engine/peer-messages.ts';
import { RAFT_LIMITS } from '../../src/engine/raft/options.ts';
import { FrameParser } from '../../src/net/frames.ts';
import { PeerType, peerFields, readPeerMessage } from '../../src/net/peer-codec.ts';
import { anyPeerMessage, ENDS, PEER_MESSAGES, serverId } from './peer-samples.ts';

const read = (fields: readonly unknown[]) => readPeerMessage(fields, ENDS);
const throughTheWire = (message: PeerMessage) => read(decode(encode(peerFields(message))) as []);

describe('every message comes out as it went in:', () => {
  for (const [at, messages] of PEER_MESSAGES.entries()) {
    const [sample] = fc.sample(messages, 1);
    const name = sample?.type === 'raft' ? sample.message.type : sample?.type;
    test(`${at}, ${name}`, () => {
      fc.assert(
        fc.property(messages, (message) => {
          expect(throughTheWire(message)).toEqual(message);
        }),
      );
    });
  }
});

test('bytes that outlive the frame are not the frame', () => {
  fc.assert(
    fc.property(anyPeerMessage, (message) => {
      const frame = encode(peerFields(message));
      const received = read(decode(frame) as []);
      frame.fill(0xee);
      expect(received).toEqual(message);
    }),
  );
});

test('a message through frames in pieces', () => {
  const parser = new FrameParser(1 << 20);
  fc.assert(
    fc.property(anyPeerMessage, fc.integer({ min: 1, max: 100 }), (message, size) => {
      const body = encode(peerFields(message));
      const frame = Buffer.alloc(4 + body.length);
      frame.writeUInt32BE(body.length);
      frame.set(body, 4);
      const received: PeerMessage[] = [];
      for (let start = 0; start < frame.length; start += size) {
        parser.push(frame.subarray(start, start + size), (fields) => {
          received.push(read(fields));
          return true;
        });
      }
      expect(received).toEqual([message]);
    }),
    { numRuns: 50 },
  );
});

describe('what is no message is an LmError, whatever it is:', () => {
  const expectRefusal = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof LmError)) throw error;
      expect(error.code).toBe('protocol');
    }
  };

  test('bytes changed, cut or added', () => {
    fc.assert(
      fc.property(anyPeerMessage, fc.nat(), fc.nat(255), fc.nat(), (message, at, byte, cut) => {
        const bytes = new Uint8Array(encode(peerFields(message)));
        bytes[at % bytes.length] = byte;
        const end = cut % 3 === 0 ? at % bytes.length : bytes.length;
        expectRefusal(() => {
          const fields = decode(bytes.subarray(0, end));
          if (Array.isArray(fields)) read(fields);
        });
      }),
      { numRuns: 3_000 },
    );
  });

  test('fields of any kind', () => {
    const types = Object.values(PeerType);
    const anything = fc.anything({ maxDepth: 4, withBigInt: true });
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.array(anything), (type, fields) => {
        expectRefusal(() => read([type, 0, ...fields]));
        expectRefusal(() => read([type, ...fields]));
        expectRefusal(() => read([PeerType.raft, 0, fields]));
      }),
      { numRuns: 2_000 },
    );
  });

  test('a field of a sound message, replaced', () => {
    const anything = fc.oneof(fc.anything({ maxDepth: 2 }), fc.double(), fc.constant(-1));
    fc.assert(
      fc.property(anyPeerMessage, anything, fc.nat(), fc.boolean(), (message, odd, at, inner) => {
        const fields = peerFields(message);
        const into = inner && Array.isArray(fields[2]) ? fields[2] : fields;
        into[at % into.length] = odd;
        expectRefusal(() => read(fields));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('is refused:', () => {
  const heartbeat = (over: Record<number, unknown> = {}) => {
    const fields: unknown[] = [0, 3, 7, null, 5];
    for (const [at, value] of Object.entries(over)) fields[Number(at)] = value;
    return [PeerType.raft, 0, fields];
  };
  const append = (entries: unknown, previous: readonly [number, number] = [4, 1]) => {
    return [PeerType.raft, 0, [1, 3, 7, null, ...previous, entries, 5]];
  };
  const configured = (voters: unknown, learners: unknown) =>
    append([[1, 5, 1, [voters, learners]]]);
  const snapshot = (offset: number, totalBytes: number, data: Uint8Array) => {
    return [PeerType.raft, 0, [2, 3, 7, null, 9, 2, [[], []], offset, totalBytes, data]];
  };
  const relay = (message: readonly unknown[], over: Record<string, unknown> = {}) => {
    const sound = { origin: serverId(1), to: serverId(2), number: 1, instance: new Uint8Array(16) };
    const { origin, to, number, instance } = { ...sound, ...over };
    return [PeerType.relay, 0, origin, to, number, [instance, '', '', 0, ''], message];
  };
  const key = new Uint8Array(16);
  const [a, b] = [serverId(1), serverId(2)];
  const many = Array.from({ length: 14 }, (_, at) => serverId(at));
  const cases: Readonly<Record<string, readonly unknown[]>> = {
    'a type that nobody knows': [199, 0],
    "a client's message": [20, 1, key, key],
    'a ping, which is not for the core': [PeerType.ping, 0],
    'a kind of Raft that nobody knows': heartbeat({ 0: 13 }),
    'a kind below 0': heartbeat({ 0: -1 }),
    'a term that is no whole number': heartbeat({ 1: 1.5 }),
    'a term past what numbers can count': heartbeat({ 1: 2 ** 53 }),
    'a negative round': heartbeat({ 2: -1 }),
    'an attachment that is a text': heartbeat({ 3: 'text' }),
    'an attachment too large': heartbeat({ 3: new Uint8Array(PEER_BODY_BYTES_MAX + 1) }),
    'a report too large': [PeerType.report, 0, new Uint8Array(PEER_BODY_BYTES_MAX + 1)],
    'entries with a gap': append([[0, 6, 1]]),
    'entries with a term that falls': append([[0, 5, 0]]),
    'an entry of a term to come': append([[0, 5, 4]]),
    'an entry of a kind that nobody knows': append([[3, 5, 1]]),
    'an entry without its data': append([[2, 5, 1]]),
    'too many entries': append(
      Array.from({ length: RAFT_LIMITS.entriesPerMessageMax + 1 }, (_, at) => [0, 5 + at, 1]),
    ),
    'a server without its fingerprint': configured(['A'], []),
    'a fingerprint in capitals': configured([serverId(10).toUpperCase()], []),
    'servers out of order': configured([b, a], []),
    'a server that is named twice': configured([a, a], []),
    'a voter that is a learner': configured([a], [a]),
    'too many servers': configured(many.slice(0, 7), many.slice(7)),
    'a piece beyond the snapshot': snapshot(1, 8, new Uint8Array(8)),
    'a piece too large': snapshot(0, 1 << 20, new Uint8Array(RAFT_LIMITS.snapshotChunkBytes + 1)),
    'a snapshot too large': snapshot(0, RAFT_LIMITS.snapshotBytesMax + 1, new Uint8Array(8)),
    'a relay of a request': relay([10, 1, key, null, 'App', null, 1, 0, 0]),
    'a relay with a key too short': relay([20, 1, new Uint8Array(15), key]),
    'a relay with a ticket too long': relay([30, 1, key, new Uint8Array(2_000)]),
    'a relay with a fence that is a text': relay([20, 1, key, key, 'now']),
    'a relay from nowhere': relay([20, 1, key, key], { origin: 'A' }),
    'a relay without a number': relay([20, 1, key, key], { number: null }),
    'a relay for an instance too long': relay([20, 1, key, key], { instance: new Uint8Array(17) }),
    'an answer that is no list': [PeerType.relayed, 0, a, 1, 'text'],
    'an answer without a type': [PeerType.relayed, 0, a, 1, ['alive', 1]],
    'a transfer to a name': [PeerType.transfer, 0, 'A'],
    'an id too short': [PeerType.evict, 0, new Uint8Array(15)],
    'a sequence number too large': [PeerType.transfer, 2 ** 32, a],
  };
  const sound = [
    ...[heartbeat(), append([[0, 5, 1]]), append([[2, 5, 1, key]]), configured([a], [b])],
    ...[snapshot(0, 8, new Uint8Array(8)), relay([20, 1, key, key]), relay([20, 1, key, key, 5])],
    ...[relay([30, 1, key, key]), [PeerType.evict, 0, key], [PeerType.relayed, 0, a, 1, [21, 1]]],
  ];

  test('nothing that is sound', () => {
    for (const fields of sound) expect(() => read(fields)).not.toThrow();
  });

  for (const [what, fields] of Object.entries(cases)) {
    test(what, () => {
      expect(() => read(fields)).toThrow(LmError);
    });
  }
});
