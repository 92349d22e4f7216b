/**
 * DESIGN section 5: a server that is killed is missed at once, one that comes back is found at once,
 * and one that is merely slow or silent is neither.
 */
import { afterEach, expect, test } from 'bun:test';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { Subprocess } from 'bun';
import type { RlfServer } from '../../src/engine/license/types.ts';
import { PEER_STABLE_MS } from '../../src/engine/limits.ts';
import { createIdentity, type Identity } from '../../src/net/identity.ts';
import { until } from '../client/until.ts';
import { FakePeer } from './fake-peer.ts';
import { startMember } from './harness.ts';
import { transferTo } from './member.ts';
import { addressOf, silentAddress } from './raw-peer.ts';

const processes: Subprocess[] = [];
afterEach(() => {
  for (const one of processes.splice(0)) one.kill('SIGKILL');
});

/** A dial is followed by one look at chance; what it says makes every wait the longest. */
function countedDials() {
  const dials = { count: 0, random: () => 1 };
  dials.random = () => {
    dials.count++;
    return 1;
  };
  return dials;
}

test('a killed server is gone, once an outage, and found again when it is back', async () => {
  const dials = countedDials();
  const a = await startMember({ name: 'A', random: dials.random });
  const identity = await createIdentity('B');
  const b = { id: identity.fingerprint };
  let running = await spawnMember({ identity, knows: [a.server], port: 0 });
  const address = `127.0.0.1:${running.port}`;
  a.knows({ name: 'B', address, fingerprint: identity.fingerprint });
  for (let outages = 1; outages <= 2; outages++) {
    await until(() => a.isLinkedTo(b), 'they are linked');
    expect(a.of('gone').length).toBe(outages - 1);
    // Deaths within a second are told as one: the next one has to be later.
    const alive = Promise.withResolvers<void>();
    setTimeout(alive.resolve, outages === 1 ? 0 : 1_000);
    await alive.promise;
    const before = { dials: dials.count, now: performance.now() };
    running.process.kill('SIGKILL');
    await until(() => a.of('gone').length === outages, 'it is missed');
    expect(performance.now() - before.now).toBeLessThan(500);
    await until(() => dials.count > before.dials + 2, 'it is looked for, and refuses');
    running = await spawnMember({ identity, knows: [a.server], port: running.port });
  }
  await until(() => a.isLinkedTo(b), 'they are linked again');
  expect(a.of('gone')).toEqual([
    { type: 'gone', peer: b.id },
    { type: 'gone', peer: b.id },
  ]);
}, 20_000);

test('a server that was never there is gone once, and is dialled about once a second', async () => {
  const dials = countedDials();
  const a = await startMember({ name: 'A', random: dials.random });
  const { fingerprint } = await createIdentity('B');
  const start = performance.now();
  a.knows({ name: 'B', address: '127.0.0.1:1', fingerprint });
  await until(() => dials.count === 3, 'it is dialled again soon');
  expect(performance.now() - start).toBeLessThan(1_000);
  await until(() => dials.count === 7, 'it is dialled again and again');
  // 50, 100, 200, 400, 800 and 1,000 ms.
  expect(performance.now() - start).toBeGreaterThan(2_500);
  expect(performance.now() - start).toBeLessThan(5_000);
  expect(a.events).toEqual([{ type: 'gone', peer: fingerprint }]);
  expect(a.logged('no link to a server')).toHaveLength(1);
}, 20_000);

test('a server that dials is dialled at once', async () => {
  const dials = countedDials();
  const a = await startMember({ name: 'A', random: dials.random });
  const b = await startMember({ name: 'B' });
  const { server, identity, port } = b;
  b.stop();
  a.knows(a.server, server);
  await until(() => dials.count === 6, 'the next wait is a second');
  const again = await startMember({ name: 'B', identity, port });
  const start = performance.now();
  again.knows(a.server, server);
  await until(() => a.isLinkedTo(again), 'it is found');
  const linkedAt = performance.now();
  expect(linkedAt - start).toBeLessThan(500);
  // After a link that lasted the waits are short again, also for one that does not dial by itself.
  await until(() => performance.now() - linkedAt > PEER_STABLE_MS, 'it has lasted');
  again.stop();
  const third = await startMember({ name: 'B', identity, port });
  third.knows({ ...a.server, address: '127.0.0.1:1' });
  const stoppedAt = performance.now();
  await until(() => a.of('linked').length === 3 && a.isLinkedTo(third), 'it is found again');
  expect(performance.now() - stoppedAt).toBeLessThan(500);
}, 20_000);

test('a server that does not answer is down, not gone', async () => {
  const a = await startMember({ name: 'A' });
  const [{ fingerprint }, address] = await Promise.all([createIdentity('B'), silentAddress()]);
  a.knows({ name: 'B', address, fingerprint });
  await until(() => a.log.length > 0, 'it is given up');
  const fields = { server: 'B', address, reason: 'it does not answer' };
  expect(a.log).toEqual([{ level: 'warn', message: 'no link to a server', fields }]);
  a.links.send([{ to: fingerprint, message: transferTo(fingerprint) }]);
  expect(a.events).toEqual([]);
});

test('what listens there and is no server is down, not gone', async () => {
  const a = await startMember({ name: 'A' });
  const [one, other] = await Promise.all([createIdentity('B'), createIdentity('C')]);
  const shut = await addressOf((socket) => socket.destroy());
  const odd = await addressOf((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  a.knows(
    { name: 'B', address: shut, fingerprint: one.fingerprint },
    { name: 'C', address: odd, fingerprint: other.fingerprint },
  );
  await until(() => a.log.length === 2, 'both are given up');
  expect(a.events).toEqual([]);
});

for (const how of ['end', 'destroy'] as const) {
  test(`a link that the other side closes (${how}) is gone, and dialled anew`, async () => {
    const a = await startMember({ name: 'A' });
    const sockets: TLSSocket[] = [];
    const fake = await FakePeer.start((socket) => sockets.push(socket));
    a.knows(fake.server);
    await until(() => a.events.length === 1, 'it is linked');
    sockets[0]?.[how]();
    await until(() => a.events.length === 3, 'it is linked again');
    expect(a.events.map(({ type }) => type)).toEqual(['linked', 'gone', 'linked']);
  });
}

interface Spawned {
  readonly identity: Identity;
  readonly knows: readonly RlfServer[];
  /** 0 for a free one. */
  readonly port: number;
}

async function spawnMember(member: Spawned): Promise<{ process: Subprocess; port: number }> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, 'member-process.ts')], {
    env: { ...process.env, MEMBER: JSON.stringify(member) },
    stdout: 'pipe',
  });
  processes.push(child);
  const { value } = await child.stdout.getReader().read();
  return { process: child, port: Number(new TextDecoder().decode(value)) };
}
