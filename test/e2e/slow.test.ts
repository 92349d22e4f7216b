/**
 * What takes its time: key lifetimes that pass, deadlines that cut off, a server that says nothing.
 * All of it begins at once and is waited for together, and meanwhile the machine has time for the
 * cases imported here.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { encodeFrame } from '../../src/net/frames.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { until } from '../client/until.ts';
import { listening } from './listening.ts';
import { Program } from './program.ts';
import { hello, NO_TICKET, newKey, RawClient, wish } from './raw-client.ts';
import { expectRefusal } from './refusal.ts';
import type { Server } from './server.ts';
import { Site } from './site.ts';
import './tampered.cases.ts';
import './terminal.cases.ts';

const { grant, release, request, status } = MessageType;

/** Generous: an idle server takes about 70. */
const RESIDENT_MB_MAX = 400;
const LIFETIME_MS_BOUND = 60_000;

const site = new Site();
/** Has a server that is killed for good, so that its seats are lost. */
const doomed = new Site();
/** Everything under way, by name; each is awaited by the test of that name. */
const running = new Map<string, Promise<void>>();

beforeAll(async () => {
  // The shortest lifetime there is.
  const terms = ['--key-lifetime', '26s'];
  const short = ['One', 'Two'].map((application) => ({ application, limit: 1, terms }));
  const licenses = [...short, { application: 'App', limit: 5_000 }];
  await Promise.all([site.found(licenses), doomed.found(licenses)]);
  const [server, dies] = await Promise.all([site.serve(), doomed.serve()]);
  const begin = (name: string, work: Promise<void>) => {
    running.set(name, work);
    work.catch(() => undefined);
  };
  begin('abandoned', abandoned());
  begin('lost', lost(dies));
  begin('slow', slowCut(server));
  begin('deaf', deafCut(server));
});
afterAll(async () => {
  await Promise.allSettled(running.values());
  await Promise.all([site.close(), doomed.close()]);
});

test.each([
  ['slow', 'silence, no end of a handshake, no hello, half a frame, a trickle: cut off'],
  ['deaf', 'who asks and asks and never reads is cut off, and fills no memory'],
  ['abandoned', 'lm exec killed with SIGKILL: the program runs on, and the seat comes back'],
  ['lost', 'a seat lost everywhere: SIGTERM, SIGKILL after the grace, exit 79; or a warning'],
])(
  '%s: %s',
  async (name) => {
    await running.get(name);
  },
  120_000,
);

async function abandoned(): Promise<void> {
  const orphan = new Program(site, 'echo $$; exec sleep 300', ['--app', 'One']);
  await orphan.says('\n');
  const pid = Number(orphan.stdout);
  orphan.child.kill('SIGKILL');
  await orphan.child.exited;
  const isSleep = () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n';
  await until(isSleep, 'the program runs on');
  const shown = await site.ask(['status', '--application', 'One']);
  expect(shown['authorizations']).toMatchObject([{ application: 'One' }]);
  // Whoever waits in the line gets the seat, once its last holder's lifetime is over.
  const next = await site.client(['request', 'One', '--wait', `${LIFETIME_MS_BOUND}ms`]);
  process.kill(pid, 'SIGKILL');
  expect(next.code).toBe(0);
}

/** Two programs run on seats of a server that is killed for good. */
async function lost(dies: Server): Promise<void> {
  const script = "trap 'echo term' TERM; echo up; while :; do sleep 0.1; done";
  const stubborn = new Program(doomed, script, ['--app', 'One', '--grace', '300ms']);
  await stubborn.says('up');
  const warning = ['--app', 'Two', '--on-loss', 'warn'];
  const warned = new Program(doomed, 'echo up; read x; echo done', warning);
  await warned.says('up');
  await dies.kill();
  await silence();
  const [ended, outlived] = await Promise.all([
    stubborn.end(),
    warned.complains(LIFETIME_MS_BOUND).then(() => {
      warned.hear('\n');
      return warned.end();
    }),
  ]);
  expect(ended).toEqual({
    code: 79,
    stdout: 'up\nterm\n',
    stderr: expect.stringMatching(/^lm: .* The command is being ended\.\n$/),
  });
  expect(outlived).toEqual({
    code: 0,
    stdout: 'up\ndone\n',
    stderr: expect.stringMatching(/^lm: .* The command runs on without it\.\n$/),
  });
}

/** Something takes the connection where the server was, and never says a word. */
async function silence(): Promise<void> {
  const silent = await listening(doomed.port, () => undefined);
  expectRefusal(await doomed.client(['status']), 69, 'does not answer');
  await silent.stop();
}

async function slowCut(server: Server): Promise<void> {
  const { port } = site;
  const silent = await RawClient.connect(port, { plain: true });
  const half = await Promise.all(
    Array.from({ length: 20 }, () => RawClient.connect(port, { plain: true })),
  );
  for (const client of half) client.sendBytes(Buffer.from('16030100c8010000c403', 'hex'));
  const wordless = await RawClient.connect(port);
  const owing = await RawClient.greet(port);
  owing.sendBytes(encodeFrame([request, 1, ...wish(newKey(), 'App')]).subarray(0, 20));
  const trickling = await RawClient.connect(port);
  const slowly = encodeFrame([...hello(), 'x'.repeat(3_000)]);
  let sent = 0;
  const timer = setInterval(() => {
    trickling.sendBytes(slowly.subarray(sent, sent + 1));
    sent++;
  }, 250);
  const slow = [silent, ...half, wordless, owing, trickling];
  await expectService(server);
  expect(slow.some(({ closed }) => closed)).toBe(false);
  const cut = () => slow.every(({ closed }) => closed);
  await until(cut, 'all are cut off', 45_000).finally(() => clearInterval(timer));
  expect(sent).toBeLessThan(slowly.length);
}

async function deafCut(server: Server): Promise<void> {
  const many = await RawClient.greet(site.port);
  for (let i = 0; i < 1_000; i++) many.send([request, 10_000 + i, ...wish(newKey(), 'App')]);
  await many.reply(10_999);
  const deaf = await RawClient.greet(site.port);
  deaf.pause();
  const query = encodeFrame([status, 5, null, null, null, null]);
  deaf.sendBytes(Buffer.concat(Array.from({ length: 20_000 }, () => query)));
  await expectService(server);
  expect(isConnected(deaf)).toBe(true);
  // A socket that does not read may not learn of its end: the system knows.
  await until(() => !isConnected(deaf), 'the deaf client is cut off', 45_000);
  console.log(`the server has ${server.residentMb.toFixed(0)} MB resident`);
  expect(server.residentMb).toBeLessThan(RESIDENT_MB_MAX);
  deaf.close();
  many.close();
}

/** The server gives a seat to who comes now. */
async function expectService(server: Server): Promise<void> {
  const client = await RawClient.greet(site.port);
  const key = newKey();
  expect((await client.ask(request, ...wish(key, 'App')))[0]).toBe(grant);
  expect((await client.ask(release, key, NO_TICKET))[2]).toBe(true);
  client.close();
  expect(server.ended).toBe(false);
}

/** Whether the server's end of this connection is there, as /proc/net/tcp lists it. */
function isConnected(client: RawClient): boolean {
  const end = (port: number) => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const established = ` ${end(site.port)} ${end(client.localPort)} 01 `;
  return readFileSync('/proc/net/tcp', 'utf8').includes(established);
}
