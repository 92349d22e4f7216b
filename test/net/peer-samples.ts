/** Messages of servers, as fast-check makes them up: all that their types and bounds allow. */
import fc, { type Arbitrary } from 'fast-check';
import type { PeerMessage } from '../../src/engine/peer-messages.ts';
import type { Message } from '../../src/engine/raft/messages.ts';
import type { Configuration, Entry } from '../../src/engine/raft/types.ts';
import { MessageType } from '../../src/net/protocol.ts';

export const ENDS = { from: serverId(0xa), to: serverId(0xb) };

export function serverId(number: number): string {
  return `sha256:${number.toString(16).padStart(64, '0')}`;
}

const id = fc.nat(99).map(serverId);
const count = fc.oneof(
  fc.nat(3),
  fc.nat(0xffff),
  fc.constantFrom(0xffffffff, 2 ** 32, Number.MAX_SAFE_INTEGER - 9),
);
const bytes = (maxLength: number) => fc.uint8Array({ maxLength, size: 'max' });
const text = (maxLength: number) => fc.string({ unit: 'grapheme', maxLength });
const attachment = fc.option(bytes(600));

const configuration: Arbitrary<Configuration> = fc
  .uniqueArray(fc.nat(999), { maxLength: 13 })
  .chain((numbers) => {
    const ids = numbers.map(serverId);
    return fc.nat(ids.length).map((voters) => ({
      voters: ids.slice(0, voters).sort(),
      learners: ids.slice(voters).sort(),
    }));
  });

type Kind = Entry extends infer One
  ? One extends Entry
    ? Omit<One, 'index' | 'term'>
    : never
  : never;
const kind: Arbitrary<Kind> = fc.oneof(
  fc.constant({ kind: 'no-op' } as const),
  configuration.map((of) => ({ kind: 'configuration', configuration: of }) as const),
  bytes(300).map((data) => ({ kind: 'data', data }) as const),
);

/** Contiguous behind `index`, with terms that never fall, up to `term`. */
function entriesAfter(index: number, term: number): Arbitrary<Entry[]> {
  return fc.array(kind, { maxLength: 5 }).map((kinds) => {
    return kinds.map((one, at) => ({ ...one, index: index + 1 + at, term }) as Entry);
  });
}

const envelope = fc.record({ term: count }).map(({ term }) => ({ ...ENDS, term }));
const attached = fc
  .record({ term: count, round: count, attachment })
  .map((fields) => ({ ...ENDS, ...fields }));

const append: Arbitrary<Message> = fc
  .tuple(attached, fc.nat(0xffffff), count)
  .chain(([common, previousIndex, commit]) => {
    return entriesAfter(previousIndex, common.term).map((entries): Message => {
      const previousTerm = Math.min(1, common.term);
      return { type: 'append', ...common, previousIndex, previousTerm, entries, commit };
    });
  });

const snapshot: Arbitrary<Message> = fc
  .record({ common: attached, index: count, configuration, offset: fc.nat(9), data: bytes(300) })
  .map(({ common, data, ...fields }): Message => {
    const indexTerm = common.term;
    const place =
      data.length === 0 ? { offset: 0, totalBytes: 0 } : { totalBytes: 9 + data.length };
    return { type: 'snapshot', ...common, indexTerm, ...fields, ...place, data };
  });

const candidacy = fc
  .record({ envelope, lastIndex: count, lastTerm: count })
  .map(({ envelope: common, ...fields }) => ({ ...common, ...fields }));

/** Every message of Raft. */
export const RAFT_MESSAGES: readonly Arbitrary<Message>[] = [
  fc.tuple(attached, count).map(([common, commit]) => ({ type: 'heartbeat', ...common, commit })),
  append,
  snapshot,
  attached.map((common) => ({ type: 'heartbeat-ack', ...common })),
  fc
    .tuple(attached, fc.boolean(), count, count, count)
    .map(([common, accepted, index, hintIndex, hintTerm]) => {
      return { type: 'append-ack', ...common, accepted, index, hintIndex, hintTerm };
    }),
  fc
    .tuple(attached, count, count)
    .map(([common, index, offset]) => ({ type: 'snapshot-ack', ...common, index, offset })),
  candidacy.map((common) => ({ type: 'pre-vote', ...common })),
  fc
    .tuple(envelope, fc.boolean(), fc.option(id))
    .chain(([common, granted, leader]) =>
      fc
        .constantFrom(null, 'leader-heard' as const, 'term-behind' as const, 'log-behind' as const)
        .map((reason): Message => ({ type: 'pre-vote-reply', ...common, granted, reason, leader })),
    ),
  fc
    .tuple(candidacy, fc.boolean())
    .map(([common, transfer]) => ({ type: 'vote', ...common, transfer })),
  fc
    .tuple(envelope, fc.boolean())
    .map(([common, granted]) => ({ type: 'vote-reply', ...common, granted })),
  envelope.map((common) => ({ type: 'timeout-now', ...common })),
  envelope.map((common) => ({ type: 'leader-check', ...common })),
  fc.tuple(envelope, id).map(([common, candidate]) => ({ type: 'objected', ...common, candidate })),
] as Arbitrary<Message>[];

const key = fc.uint8Array({ minLength: 16, maxLength: 16 });
const sequence = fc.nat(0xffffffff);
const client = fc.record({
  instance: key.map((of) => Buffer.from(of).toString('latin1')),
  user: text(20),
  host: text(20),
  pid: count,
  address: text(20),
});
const relayed = fc.oneof(
  fc
    .tuple(sequence, key, bytes(200), fc.option(count))
    .map((fields) => [MessageType.heartbeat, ...fields] as const),
  fc.tuple(sequence, key, bytes(200)).map((fields) => [MessageType.heartbeat, ...fields] as const),
  fc.tuple(sequence, key, bytes(200)).map((fields) => [MessageType.release, ...fields] as const),
);
const answer = fc.oneof(
  fc
    .tuple(sequence, bytes(200), count, count)
    .map((fields) => [MessageType.alive, ...fields] as const),
  fc
    .tuple(sequence, text(9), text(9), text(9))
    .map((fields) => [MessageType.gone, ...fields] as const),
  fc
    .tuple(sequence, text(9), text(9), text(9), fc.record({ requested: count }))
    .map((fields) => [MessageType.error, ...fields] as const),
  fc.tuple(sequence, count, text(9)).map((fields) => [MessageType.fenced, ...fields] as const),
  fc
    .tuple(sequence, fc.boolean(), count)
    .map((fields) => [MessageType.released, ...fields] as const),
);

/** Every message of servers that is none of Raft's. */
const OTHERS: readonly Arbitrary<PeerMessage>[] = [
  fc.record({ type: fc.constant('report'), body: bytes(3_000) }),
  fc.record({ type: fc.constant('word'), body: bytes(3_000) }),
  fc.record({ type: fc.constant('offer'), text: text(2_000) }),
  fc.record({ type: fc.constant('transfer'), to: id }),
  fc.record({ type: fc.constant('evict'), id: key, force: fc.boolean() }),
  fc.record({ type: fc.constant('rotate-secret') }),
  fc.record({
    type: fc.constant('relay'),
    ...{ origin: id, to: id, number: count, client, message: relayed },
  }),
  fc.record({ type: fc.constant('relayed'), to: id, number: count, message: answer }),
  fc.record({
    type: fc.constant('refused'),
    boot: count,
    code: text(20),
    message: text(99),
    hint: text(99),
  }),
] as Arbitrary<PeerMessage>[];

export const PEER_MESSAGES: readonly Arbitrary<PeerMessage>[] = [
  ...RAFT_MESSAGES.map((one) => one.map((message): PeerMessage => ({ type: 'raft', message }))),
  ...OTHERS,
];

export const anyPeerMessage = fc.oneof(...PEER_MESSAGES);
