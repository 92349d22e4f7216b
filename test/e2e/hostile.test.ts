/** Peers that break every rule of the wire (issue 2, "Hostile input"); the server serves others. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { connect as connectTls } from 'node:tls';
import { encode } from '../../src/engine/codec.ts';
import { LINE_LENGTH_MAX } from '../../src/engine/limits.ts';
import { encodeFrame } from '../../src/net/frames.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { until } from '../client/until.ts';
import { Random, runSeed } from './random.ts';
import {
  hello,
  type Message,
  NO_TICKET,
  newKey,
  RawClient,
  rawStatus,
  wish,
} from './raw-client.ts';
import type { Server } from './server.ts';
import { Site } from './site.ts';

const { grant, denied, error, released, request, release, waiting, welcome } = MessageType;

/** Generous: an idle server takes about 70. */
const RESIDENT_MB_MAX = 400;

const site = new Site();
const random = new Random(runSeed());
let server: Server;
/** A well-behaved client that was there before. */
let witness: RawClient;
let residentMbMost = 0;

beforeAll(async () => {
  await site.found([
    { application: 'App', limit: 5_000 },
    { application: 'Full', limit: 1 },
    { application: 'Crowd', limit: 1 },
  ]);
  server = await site.serve();
  witness = await RawClient.greet(site.port);
});
afterAll(async () => {
  console.log(`the server had at most ${residentMbMost.toFixed(0)} MB resident`);
  await site.close();
});

afterEach(async () => {
  await expectService();
  const { residentMb } = server;
  residentMbMost = Math.max(residentMbMost, residentMb);
  expect(residentMb).toBeLessThan(RESIDENT_MB_MAX);
  expect(server.stderr).not.toContain('"stack"');
});

/** The server gives a seat to who is there already, and to who comes now. */
async function expectService(): Promise<void> {
  const newcomer = await RawClient.greet(site.port);
  for (const client of [witness, newcomer]) {
    const key = newKey();
    expect((await client.ask(request, ...wish(key, 'App')))[0]).toBe(grant);
    expect((await client.ask(release, key, NO_TICKET))[2]).toBe(true);
  }
  newcomer.close();
  expect(server.ended).toBe(false);
}

function openFiles(): number {
  return readdirSync(`/proc/${server.pid}/fd`).length;
}

function noise(length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

/** Sends these bytes and expects to be told why, and to be cut off. */
async function expectRefused(client: RawClient, bytes: Uint8Array, code = 'protocol') {
  client.sendBytes(bytes);
  const refusal = await client.refusal();
  expect(refusal?.slice(0, 3)).toEqual([error, 0, code]);
  for (const text of refusal?.slice(3, 5) ?? []) expect(text).toBeString();
}

describe('what is no TLS 1.3', () => {
  test('noise, HTTP, half a handshake, an older version', async () => {
    const http = Buffer.from('GET / HTTP/1.1\r\nHost: license\r\n\r\n');
    const clientHello = Buffer.from('16030100c8010000c40303', 'hex');
    const clients = await Promise.all(
      Array.from({ length: 60 }, () => RawClient.connect(site.port, { plain: true })),
    );
    for (const [i, client] of clients.entries()) {
      client.sendBytes(i % 3 === 0 ? noise(1 + random.below(3_000)) : http);
      if (i % 3 === 2) client.sendBytes(clientHello);
    }
    await until(() => clients.every(({ closed }) => closed), 'noise is cut off', 30_000);
    const failure = await new Promise<unknown>((resolve) => {
      const old = connectTls({
        ...{ host: '127.0.0.1', port: site.port, rejectUnauthorized: false },
        maxVersion: 'TLSv1.2',
      });
      old.on('error', resolve).on('secureConnect', () => resolve(null));
    });
    expect(failure).toBeInstanceOf(Error);
  });
});

describe('frames', () => {
  const nested = (depth: number) => {
    const body = Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.of(0xc0)]);
    return framed(body);
  };
  const bad: [string, Uint8Array][] = [
    ['of no bytes', Buffer.alloc(4)],
    ['of 4 GB', Buffer.of(0xff, 0xff, 0xff, 0xff)],
    ['a byte too long', Buffer.from([0, 1, 0, 1])],
    ['nested too deep', nested(12)],
    ['nested 4,000 deep', nested(4_000)],
    ['that are no array', framed(encode({ type: 10 }))],
    ['that are empty arrays', framed(encode([]))],
    ['with an extension', framed(Buffer.from([0x92, 0x0a, 0xd4, 0x72, 0x40]))],
    ['with a record definition', framed(Buffer.from('92d5724091a161c0', 'hex'))],
    ['that promise more than they hold', framed(Buffer.from([0xdd, 0x7f, 0xff, 0xff, 0xff]))],
    ['with a byte to spare', framed(Buffer.concat([encode([50, 1]), Buffer.of(0)]))],
    ['of noise', framed(noise(300))],
    ['of an unknown type', encodeFrame([999, 1])],
    ['of a type only servers send', encodeFrame([grant, 1])],
  ];

  test.each(bad)('%s: refused by name, before the hello and after it', async (_, bytes) => {
    await expectRefused(await RawClient.connect(site.port), bytes);
    await expectRefused(await RawClient.greet(site.port), bytes);
  });

  test('a hello is small; a message before it, and a second one, are refused', async () => {
    const long = encodeFrame([...hello(), 'x'.repeat(5_000)]);
    await expectRefused(await RawClient.connect(site.port), long);
    const early = encodeFrame([request, 1, ...wish(newKey(), 'App')]);
    await expectRefused(await RawClient.connect(site.port), early);
    await expectRefused(await RawClient.greet(site.port), encodeFrame(hello()));
  });

  test('byte by byte a good message is as good', async () => {
    const client = await RawClient.connect(site.port);
    for (const byte of encodeFrame(hello())) client.sendBytes(Uint8Array.of(byte));
    expect((await client.reply(1))[0]).toBe(welcome);
    client.close();
  });
});

describe('a hello', () => {
  test.each([
    ['of later versions only', { versions: [2, 9] as const }, 'protocol'],
    ['of no version', { versions: [1, 0] as const }, 'protocol'],
    ['of a server that does not greet', { role: 'peer' }, 'protocol'],
    ['of an unknown role', { role: 'admin' }, 'protocol'],
    ['for another pool', { pool: 'west' }, 'untrusted'],
  ])('%s is refused', async (_, own, code) => {
    await expectRefused(await RawClient.connect(site.port), encodeFrame(hello(own)), code);
  });

  test('of a server without its key is refused', async () => {
    const greeting = [1, 1, 1, 1];
    const bytes = encodeFrame([...hello({ role: 'peer', pool: 'east' }), greeting]);
    await expectRefused(await RawClient.connect(site.port), bytes, 'not-authorized');
  });

  test('of a range that holds this version is answered with it', async () => {
    const client = await RawClient.connect(site.port);
    client.send(hello({ versions: [0, 900], pool: 'east' }));
    expect((await client.reply(1)).slice(2, 5)).toEqual([1, 'east', 'A']);
    client.close();
  });
});

describe('a crowd', () => {
  test('thousands of connections opened and dropped leave nothing behind', async () => {
    const before = openFiles();
    const steps = ['tcp', 'tls', 'hello', 'waits'] as const;
    for (let round = 0; round < 30; round++) {
      const visits = Array.from({ length: 100 }, (_, i) => visit(steps[i % 4] ?? 'tcp'));
      await Promise.all(visits);
    }
    await until(() => openFiles() <= before, 'the server has closed them all', 30_000);
    const { document } = await rawStatus(witness);
    expect(document['licenses']).toMatchObject([
      { application: 'App' },
      { application: 'Crowd' },
      { application: 'Full' },
    ]);
  });

  test('more connections than files it may open: it goes on when they are gone', async () => {
    const small = new Site();
    try {
      await small.found([{ application: 'App', limit: 9 }]);
      const few = await small.serve({ prefix: ['prlimit', '--nofile=64:64'] });
      const early = await RawClient.greet(small.port);
      const crowd = await Promise.all(
        Array.from({ length: 200 }, () => RawClient.connect(small.port, { plain: true })),
      );
      // Who was there is served meanwhile; the others wait in the system's queue.
      expect((await early.ask(request, ...wish(newKey(), 'App')))[0]).toBe(grant);
      for (const client of crowd) client.close();
      const late = await RawClient.greet(small.port);
      expect((await late.ask(request, ...wish(newKey(), 'App')))[0]).toBe(grant);
      expect(await few.stop()).toBe(0);
    } finally {
      await small.close();
    }
  });

  test('a line is as long as its limit, and those outside of it are served', async () => {
    const holder = newKey();
    const holds = await witness.ask(request, ...wish(holder, 'Full'));
    expect(holds[0]).toBe(grant);
    const answers = { waiting: 0, busy: 0 };
    const onMessage = ([type, sequence, code]: Message) => {
      if (Number(sequence) < 1_000_000) return false;
      if (type === waiting) answers.waiting++;
      if (type === denied && code === 'busy') answers.busy++;
      return true;
    };
    const crowd = await RawClient.greet(site.port, { onMessage });
    const asked = LINE_LENGTH_MAX + 500;
    for (let i = 0; i < asked; i++) {
      crowd.send([request, 1_000_000 + i, ...wish(newKey(), 'Full', 1, 600_000)]);
    }
    await expectService();
    await until(() => answers.busy >= 500, 'the line is full', 60_000);
    await expectService();
    crowd.close();
    // Who is gone loses its place; the seat goes to who waits then.
    const next = newKey();
    witness.send([request, 77, ...wish(next, 'Full', 1, 600_000)]);
    expect((await witness.reply(77))[0]).toBeOneOf([waiting, denied]);
    expect((await witness.ask(release, holder, NO_TICKET))[0]).toBe(released);
  });
});

/** Comes as far as this, and drops the connection. */
async function visit(until: 'tcp' | 'tls' | 'hello' | 'waits'): Promise<void> {
  const client = await RawClient.connect(site.port, { plain: until === 'tcp' });
  if (until === 'hello' || until === 'waits') {
    client.send(hello());
    await client.reply(1);
  }
  if (until === 'waits') client.send([request, 9, ...wish(newKey(), 'Crowd', 1, 60_000)]);
  client.close();
}

function framed(body: Uint8Array): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}
