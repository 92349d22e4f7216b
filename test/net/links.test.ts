/** DESIGN sections 3, 5 and 9: servers find each other, know each other by key, and miss each other. */
import { describe, expect, test } from 'bun:test';
import { STRANGERS_MAX } from '../../src/engine/limits.ts';
import { createIdentity, type Identity } from '../../src/net/identity.ts';
import { peerFields } from '../../src/net/peer-codec.ts';
import { until } from '../client/until.ts';
import { startMember } from './harness.ts';
import { type Member, transferTo } from './member.ts';
import { RawPeer, silentAddress } from './raw-peer.ts';

const NO_AGREEMENT = 'no agreement on a link to a server';

async function pair(): Promise<[Member, Member]> {
  const a = await startMember({
    name: 'A',
    greeting: { boot: 4, transaction: 17, start: 5, uptimeMs: 1_234.5 },
  });
  const b = await startMember({
    name: 'B',
    greeting: { boot: 2, transaction: 9, start: 5, uptimeMs: 50 },
  });
  for (const member of [a, b]) member.knows(a.server, b.server);
  const bothWays = () => a.isLinkedTo(b) && b.isLinkedTo(a);
  await until(bothWays, 'both are linked');
  await until(() => a.of('linked').length > 1 && b.of('linked').length > 1, 'both hellos are told');
  return [a, b];
}

describe('two servers of a pool', () => {
  test('link to each other and tell how they stand, in whole milliseconds', async () => {
    const [a, b] = await pair();
    for (const { peer, greeting } of a.of('linked')) {
      expect(peer).toBe(b.id);
      expect(greeting).toEqual({ boot: 2, transaction: 9, start: 5, uptimeMs: 50 });
    }
    for (const { peer, greeting } of b.of('linked')) {
      expect(peer).toBe(a.id);
      expect(greeting).toEqual({ boot: 4, transaction: 17, start: 5, uptimeMs: 1_234 });
    }
    expect([...a.of('gone'), ...b.of('gone')]).toEqual([]);
    expect(a.logged('linked to a server')).toHaveLength(1);
  });

  test('get their messages in order, each from whom it is', async () => {
    const [a, b] = await pair();
    const sent = Array.from({ length: 500 }, (_, at) => ({
      type: 'report' as const,
      body: new Uint8Array(1 + (at % 7) * 100).fill(at),
    }));
    for (let start = 0; start < sent.length; start += 50) {
      a.links.send(sent.slice(start, start + 50).map((message) => ({ to: b.id, message })));
    }
    b.links.send([{ to: a.id, message: transferTo(a.id) }]);
    await until(() => b.messages.length === sent.length, 'all have come');
    expect(b.messages).toEqual(sent);
    expect(b.of('peer').every(({ from }) => from === a.id)).toBe(true);
    await until(() => a.messages.length === 1, 'the other way too');
    expect(a.of('peer')).toEqual([{ type: 'peer', from: b.id, message: transferTo(a.id) }]);
  });

  test('can send each other a whole RLF, and go on', async () => {
    const [a, b] = await pair();
    const text = 'x'.repeat(3 * 1024 * 1024);
    const messages = [{ type: 'offer', text } as const, transferTo(b.id)];
    a.links.send(messages.map((message) => ({ to: b.id, message })));
    await until(() => b.messages.length === 2, 'both have come');
    expect(b.messages).toEqual(messages);
  });

  test('part when the RLF names one of them no more, and the address is that in force', async () => {
    const [a, b] = await pair();
    a.knows(a.server);
    await until(() => b.of('gone').length > 0, 'the other is cut off');
    expect(a.links.linked).toEqual([]);
    expect(a.of('gone').length).toBe(1);
    // What it says is refused: to A it is a stranger now.
    await until(() => b.isLinkedTo(a), 'it dials again');
    b.links.send([{ to: a.id, message: transferTo(a.id) }]);
    await until(() => a.logged('a server was refused').length > 0, 'it is refused');
    expect(a.messages).toEqual([]);
    a.knows(a.server, { ...b.server, address: 'localhost:1' });
    await until(() => a.of('gone').length > 1, 'it is looked for at another address');
    a.knows(a.server, { ...b.server, address: `localhost:${b.port}` });
    await until(() => a.isLinkedTo(b), 'it is found by its name');
  });
});

describe('a connection that is no server of the pool is refused by name, and nothing passes:', () => {
  const cases = {
    'a key that the RLF does not name': { key: 'other', code: [2, 'not-authorized'] },
    'no key at all': { key: 'none', code: 'not-authorized' },
    "this server's own key": { key: 'own', code: 'not-authorized' },
    'another pool': { key: 'peer', code: 'untrusted', over: { 5: 'west' } },
    'no pool': { key: 'peer', code: 'untrusted', over: { 5: null } },
    'no greeting': { key: 'peer', code: 'protocol', over: { 9: null } },
    'a greeting below 0': { key: 'peer', code: 'protocol', over: { 9: [1, -1, 5, 0] } },
    'a role that does not exist': { key: 'peer', code: 'protocol', over: { 4: 'leader' } },
  } as const;
  for (const [what, { key, code, ...rest }] of Object.entries(cases)) {
    test(what, async () => {
      const [[a, peer], other] = await Promise.all([knowing(), createIdentity('other')]);
      const identity = { other, peer, own: a.identity, none: null }[key];
      const raw = await RawPeer.connect(a.port, identity);
      const over = 'over' in rest ? rest.over : {};
      const hello = raw.hello(peer.fingerprint, over);
      raw.send(hello, peerFields(transferTo(a.id)));
      await until(() => raw.closed, 'it is cut off');
      expect(raw.answers).toEqual([code].flat());
      expect(a.events).toEqual([]);
    });
  }

  test('a client, whatever its key, that sends what servers send', async () => {
    const [a, peer] = await knowing();
    const raw = await RawPeer.connect(a.port, peer);
    raw.send(raw.hello(peer.fingerprint, { 4: 'client' }), peerFields(transferTo(a.id)));
    await until(() => raw.closed, 'it is cut off');
    expect(raw.answers).toEqual([2, 'protocol']);
    expect(a.events).toEqual([]);
  });

  test('a stranger is heard with an RLF, and with nothing else; few are at a time', async () => {
    const a = await startMember({ name: 'A' });
    a.knows(a.server);
    const identities = await Promise.all(
      Array.from({ length: STRANGERS_MAX + 1 }, () => createIdentity('S')),
    );
    const raws: RawPeer[] = [];
    for (const identity of identities) {
      const raw = await RawPeer.connect(a.port, identity);
      raw.send(raw.hello(identity.fingerprint));
      await until(() => raw.answers.length > 0, 'it is answered');
      raws.push(raw);
    }
    expect(raws.map((raw) => raw.answers[0])).toEqual([...Array(STRANGERS_MAX).fill(2), 'busy']);
    const [first] = raws;
    const offer = { type: 'offer', text: 'sequence = 2' } as const;
    first?.send(peerFields(offer));
    await until(() => a.messages.length > 0, 'the RLF has come');
    expect(a.messages).toEqual([offer]);
    first?.send(peerFields(transferTo(a.id)));
    await until(() => first?.closed === true, 'it is cut off');
    expect(first?.answers).toEqual([2, 'not-authorized']);
    expect(a.of('linked')).toEqual([]);
    expect(a.messages).toEqual([offer]);
  });

  test('a stranger that redials all day is logged once', async () => {
    const [a, stranger] = await Promise.all([
      startMember({ name: 'A' }),
      startMember({ name: 'S' }),
    ]);
    a.knows(a.server);
    stranger.knows(stranger.server, a.server);
    let dials = 0;
    for (; dials < 5; dials++) {
      const raw = await RawPeer.connect(a.port, stranger.identity);
      raw.send(raw.hello(stranger.id), peerFields(transferTo(a.id)));
      await until(() => raw.closed, 'it is refused');
    }
    await until(() => stranger.isLinkedTo(a), 'it dials');
    stranger.links.send([{ to: a.id, message: transferTo(a.id) }]);
    await until(() => stranger.logged(NO_AGREEMENT).length > 0, 'it is told why');
    expect(stranger.logged(NO_AGREEMENT)[0]?.fields['code']).toBe('not-authorized');
    expect(a.logged('a server was refused')).toHaveLength(1);
    expect(a.events).toEqual([]);
  });

  test('what answers with another key than the RLF names is told nothing', async () => {
    const [a, b, right] = await Promise.all([
      startMember({ name: 'A' }),
      startMember({ name: 'B' }),
      createIdentity('B'),
    ]);
    b.knows(a.server);
    await until(() => b.isLinkedTo(a), 'B dials A');
    b.log.length = 0;
    b.knows();
    a.knows(a.server, { ...b.server, fingerprint: right.fingerprint });
    await until(() => a.logged(NO_AGREEMENT).length > 0, 'A refuses it');
    expect(a.log.at(-1)?.fields).toMatchObject({ code: 'untrusted' });
    expect(a.events).toEqual([]);
    // A hello would have been refused by name there.
    expect(b.log).toEqual([]);
  });
});

describe('a connection that a server of the pool opened', () => {
  test('is closed by name when it breaks the protocol', async () => {
    const [a, peer] = await knowing();
    const raw = await RawPeer.connect(a.port, peer);
    raw.send(raw.hello(peer.fingerprint), peerFields(transferTo(a.id)), [100, 0, [0, -1]]);
    await until(() => raw.closed, 'it is closed');
    expect(raw.answers).toEqual([2, 'protocol']);
    expect(a.messages).toEqual([transferTo(a.id)]);
    expect(a.logged('a server was refused')).toHaveLength(1);
  });

  test('gives way to a second one, which is no loss; the end of the last one is', async () => {
    const [a, peer] = await knowing();
    const [first, second] = [
      await RawPeer.connect(a.port, peer),
      await RawPeer.connect(a.port, peer),
    ];
    first.send(first.hello(peer.fingerprint));
    await until(() => first.received.length === 1, 'the first is greeted');
    second.send(second.hello(peer.fingerprint));
    await until(() => first.closed && second.received.length === 1, 'the second replaces it');
    second.send(peerFields(transferTo(a.id)), [110, 0]);
    await until(() => second.received.length === 2, 'its ping is answered');
    expect(second.answers).toEqual([2, 111]);
    const greeting = { boot: 3, transaction: 7, start: 5, uptimeMs: 1_000 };
    const linked = { type: 'linked', peer: peer.fingerprint, greeting } as const;
    const message = transferTo(a.id);
    expect(a.events).toEqual([linked, linked, { type: 'peer', from: peer.fingerprint, message }]);
    second.destroy();
    await until(() => a.events.length === 4, 'its end is told');
    expect(a.events[3]).toEqual({ type: 'gone', peer: peer.fingerprint });
  });
});

/** A server, and the key of another that it knows, and that it can't reach. */
async function knowing(): Promise<[Member, Identity]> {
  const [a, peer, address] = await Promise.all([
    startMember({ name: 'A' }),
    createIdentity('peer'),
    silentAddress(),
  ]);
  a.knows(a.server, { name: 'B', address, fingerprint: peer.fingerprint });
  return [a, peer];
}
