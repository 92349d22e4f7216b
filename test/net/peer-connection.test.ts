/** A connection that a peer opened ends when nothing is heard on it, and never for being slow here. */
import { expect, test } from 'bun:test';
import { PEER_SILENT_SWEEPS_MAX } from '../../src/engine/limits.ts';
import { encodeFrame, FrameParser } from '../../src/net/frames.ts';
import { PeerType } from '../../src/net/peer-codec.ts';
import { PeerConnection } from '../../src/net/peer-connection.ts';
import type { ServerSocket } from '../../src/net/server-connection.ts';
import { ENDS } from './peer-samples.ts';

/** A socket that takes `room` bytes. */
function connected(room = Number.POSITIVE_INFINITY) {
  const seen = { room, written: [] as Uint8Array[], terminated: false, closed: 0 };
  const socket = {
    write(bytes: Uint8Array): number {
      const sent = Math.min(bytes.length, seen.room);
      seen.room -= sent;
      if (sent > 0) seen.written.push(new Uint8Array(bytes.subarray(0, sent)));
      return sent;
    },
    terminate() {
      seen.terminated = true;
    },
  } as unknown as ServerSocket;
  const events = {
    receive: () => undefined,
    closed: () => {
      seen.closed++;
    },
    refused: () => undefined,
  };
  const parser = new FrameParser(1_000);
  const connection = new PeerConnection({ ends: ENDS, socket, parser, events });
  const bytesWritten = () => Buffer.concat(seen.written);
  return { connection, seen, bytesWritten };
}

const PING = encodeFrame([PeerType.ping, 0]);
const PONG = encodeFrame([PeerType.pong, 0]);

test('silence ends it, without a word to the core', () => {
  const { connection, seen } = connected();
  for (let sweep = 0; sweep < PEER_SILENT_SWEEPS_MAX; sweep++) connection.checkDeadlines();
  connection.receive(PING);
  for (let sweep = 0; sweep < PEER_SILENT_SWEEPS_MAX; sweep++) connection.checkDeadlines();
  expect(seen.terminated).toBe(false);
  connection.checkDeadlines();
  expect(seen.terminated).toBe(true);
  connection.closed();
  expect(seen.closed).toBe(0);
});

test('the end that the other side makes is told once', () => {
  const { connection, seen } = connected();
  connection.closed();
  connection.closed();
  expect(seen.closed).toBe(1);
});

test('pings are answered as far as the socket takes it, and whole', () => {
  const { connection, seen, bytesWritten } = connected(PONG.length + 2);
  for (let ping = 0; ping < 1_000; ping++) connection.receive(PING);
  seen.room = Number.POSITIVE_INFINITY;
  connection.drain();
  expect(bytesWritten()).toEqual(Buffer.concat([PONG, PONG]));
  connection.receive(PING);
  expect(bytesWritten()).toEqual(Buffer.concat([PONG, PONG, PONG]));
});
