/** A peer that reads slowly, or not at all, costs a bounded amount of memory, and no election. */
import { afterEach, expect, test } from 'bun:test';
import type { TLSSocket } from 'node:tls';
import { PEER_PINGS_UNANSWERED_MAX } from '../../src/engine/limits.ts';
import type { PeerMessage } from '../../src/engine/peer-messages.ts';
import { PeerType } from '../../src/net/peer-codec.ts';
import { until } from '../client/until.ts';
import { FakePeer } from './fake-peer.ts';
import { startMember } from './harness.ts';
import { transferTo } from './member.ts';

const BIG: PeerMessage = { type: 'report', body: new Uint8Array(1024 * 1024) };
const SLOW_BYTES_PER_MS = 1_500;

const timers: ReturnType<typeof setInterval>[] = [];
afterEach(() => {
  for (const timer of timers.splice(0)) clearInterval(timer);
});

test('a link is cut when nothing comes back, or nothing goes out, and not while it moves', async () => {
  const a = await startMember({ name: 'A', random: () => 0 });
  /** Reads all and answers nothing; reads nothing at first; reads slowly, all the time. */
  const mute = await FakePeer.start(() => undefined);
  const deaf = await FakePeer.start((socket) => {
    if (deaf.connections === 1) socket.pause();
  });
  const slow = await FakePeer.start(slowDown);
  a.knows(mute.server, deaf.server, slow.server);
  await until(() => a.of('linked').length === 3, 'all are linked');
  const flood = ({ server }: FakePeer) => {
    a.links.send([{ to: server.fingerprint, message: BIG }]);
  };
  for (let sent = 0; sent < 16; sent++) flood(deaf);
  timers.push(setInterval(() => flood(slow), 50));
  await until(() => mute.connections > 1 && deaf.connections > 1, 'both are dialled again');
  await until(() => a.of('linked').length === 5, 'and linked again');
  // What was queued for the deaf one is dropped; new messages find their way.
  a.links.send([{ to: deaf.server.fingerprint, message: transferTo(a.id) }]);
  await until(() => deaf.received.length > 0, 'it hears again');
  expect(deaf.received[0]).toEqual([PeerType.transfer, 0, a.id]);
  const pings = mute.received.filter(([type]) => type === PeerType.ping);
  expect(pings.length).toBe(PEER_PINGS_UNANSWERED_MAX);
  expect(slow.connections).toBe(1);
  expect(slow.received.length).toBeGreaterThan(1);
  expect(a.of('gone')).toEqual([]);
  const silent = a.logged('no link to a server');
  expect(silent.map(({ fields }) => fields['reason'])).toEqual(Array(2).fill(SILENT));
}, 20_000);

const SILENT = 'it has fallen silent';

function slowDown(socket: TLSSocket): void {
  socket.on('data', (chunk: Uint8Array) => {
    socket.pause();
    setTimeout(() => socket.resume(), chunk.length / SLOW_BYTES_PER_MS);
  });
}
