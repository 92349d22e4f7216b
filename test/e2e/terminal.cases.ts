/** Names that users and peers supply never reach a terminal raw (issue 2, "Hostile input"). */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { encodeFrame } from '../../src/net/frames.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { FakeServer, TICKET } from '../client/fake-server.ts';
import type { Ran } from '../commands/run-lm.ts';
import { hello, newKey, RawClient, wish } from './raw-client.ts';
import { UNSAFE } from './refusal.ts';
import type { Server } from './server.ts';
import { Site } from './site.ts';

/** A color, a C1 control, an override of direction, a bell, a return, a line separator. */
const EVIL = 'x\u001b[31m\u009b1m\u202e\u0007\r\u2028y';
/** As many processes as this at once. */
const AT_ONCE = 6;

const { grant, denied, statusPage, released, alive } = MessageType;

const site = new Site();
let server: Server;

beforeAll(async () => {
  await site.found([{ application: 'App', limit: 50 }]);
  server = await site.serve();
});
afterAll(() => site.close());

/** Runs the commands, and expects of each that nothing raw came out and that no defect showed. */
async function expectClean(commands: readonly string[][], env = {}): Promise<Ran[]> {
  const left = [...commands];
  const all: Ran[] = [];
  while (left.length > 0) {
    const some = left.splice(0, AT_ONCE).map(async (args) => {
      const ran = await site.client(args, { env, stdin: '' });
      const { code, stdout, stderr } = ran;
      const raw = UNSAFE.test(stdout + stderr) ? stdout + stderr : null;
      expect({ args, raw, defect: code === 1 || code > 127 }).toEqual({
        args,
        raw: null,
        defect: false,
      });
      return ran;
    });
    all.push(...(await Promise.all(some)));
  }
  return all;
}

describe('typed by a user', () => {
  const exec = (...flags: string[]) => ['exec', ...flags];
  const sign = (...flags: string[]) => ['code', 'sign', '--key', 'vendor.key', ...flags];
  const good = ['--vendor', 'V', '--version', '1', '--limit', '1', '--any-customer'];

  test('applications, versions, vendors, holders, counts and durations', async () => {
    const flags = ['--version', '--vendor', '-n', '--wait', '--hold', '--vendor-key'];
    await expectClean([
      ['request', EVIL],
      ...flags.map((flag, i) => ['request', 'App', ...(i % 2 === 0 ? ['--json'] : []), flag, EVIL]),
      ['request', '--json', EVIL],
      ['status', '--application', EVIL],
      ['status', '--json', '--user', EVIL],
      exec('--app', EVIL, '--', 'true'),
      exec('--app', 'App', '--grace', EVIL, '--', 'true'),
      exec('--app', 'App', '--on-loss', EVIL, '--', 'true'),
      sign(...good, '--application', EVIL),
      sign('--application', 'A', ...good, '--vendor', EVIL),
      sign('--application', 'A', ...good, '--expires', EVIL),
      sign('--application', 'A', ...good, '--key-lifetime', EVIL),
      ['pool', 'init', EVIL, 'host'],
      ['pool', 'init', 'p', EVIL],
      ['pool', 'init', 'p', `${EVIL}=host`],
      ['server', 'new', '--data', 'd', '--name', EVIL, '--address', 'h:1'],
      ['server', 'new', '--data', 'd', '--name', 'A', '--address', EVIL],
      ['rlf', 'add', 'a.lic', '--distribution', EVIL],
      ['serve', '--data', 'd', '--listen', EVIL],
      ['serve', '--data', 'd', '--log-level', EVIL],
    ]);
  });

  test('commands, flags, addresses and keys', async () => {
    const trust = ['--servers', '127.0.0.1:1', '--trust', EVIL];
    await expectClean([
      [EVIL],
      ['help', EVIL],
      ['rlf', EVIL],
      [`--${EVIL}`],
      ['request', 'App', `--${EVIL}`],
      ['request', 'App', EVIL],
      ['version', EVIL],
      ['dev', '--servers', EVIL],
      ['session', EVIL],
      ['status', '--servers', EVIL, '--trust', EVIL],
      ['status', ...trust],
      ['status', '--json', ...trust],
      ['release', EVIL],
      ['renew', EVIL],
    ]);
    await expectClean([['release'], ['renew', '--json']], { LM_KEY: EVIL });
    await expectClean([['status'], ['request', 'App', '--json']], { LM_POOL: EVIL });
    await expectClean([['request', 'App']], { LM_WAIT: EVIL });
  });

  test('names of files and folders, missing and present', async () => {
    const missing = `no-such-${EVIL}`;
    const present = `file-${EVIL}`;
    await Bun.write(site.file(present), `${EVIL} = "${EVIL}\n${EVIL}`);
    const made = (name: string) => `${EVIL}-${name}`;
    await expectClean([
      ...[missing, present].flatMap((file) => [
        ['rlf', 'verify', file],
        ['rlf', 'verify', '--json', file],
        ['code', 'show', file],
        ['status', '--pool', file],
        ['release', '--key-file', file],
        ['serve', '--data', file],
        exec('--app', 'App', '--', `./${file}`),
      ]),
      ['rlf', 'sign', missing],
      ['rlf', 'add', present, '--rlf', site.rlf],
      ['rlf', 'add', 'a.lic', '--rlf', present],
      ['rlf', 'diff', present, missing],
      ['pool', 'card', present],
      sign(...good, '--application', 'A', '--key', present),
      ['renew', '--json', '--key-file', present],
      ['serve', '--data', site.data, '--rlf', present],
      exec('--app', 'App', '--', missing),
      ['keys', 'new', made('key')],
      ['keys', 'new', '--json', made('other-key')],
      ['pool', 'init', 'p', 'host', '-o', made('pool')],
      ['pool', 'init', 'p', 'host', '--json', '-o', made('json-pool')],
      ['server', 'new', '--data', made('data'), '--name', 'A', '--address', 'h:1'],
      sign(...good, '--application', 'A', '-o', made('code')),
      ['pool', 'card', site.rlf, '-o', made('card')],
      exec('--app', 'App', '--report', `${missing}/report`, '--', 'true'),
      exec('--app', 'App', '--key-file', `${missing}/key`, '--', 'true'),
    ]);
    await expectClean([
      ['keys', 'new', made('key')],
      ['pool', 'init', 'p', 'host', '-o', made('pool')],
      ['rlf', 'sign', '--bump', made('pool/pool.toml')],
      ['rlf', 'verify', made('pool/pool.toml')],
    ]);
  });
});

describe('sent by a client', () => {
  test('users, hosts, agents, pools and applications, in status and in the log', async () => {
    const client = await RawClient.connect(site.port);
    const [type, number, min, max, role, pool, , instance] = hello();
    client.send([type, number, min, max, role, pool, EVIL, instance, [EVIL, EVIL, 7]]);
    await client.reply(1);
    expect((await client.ask(MessageType.request, ...wish(newKey(), 'App')))[0]).toBe(grant);
    expect((await client.ask(MessageType.request, ...wish(newKey(), EVIL)))[0]).toBe(denied);
    const stranger = await RawClient.connect(site.port);
    stranger.sendBytes(encodeFrame(hello({ pool: EVIL })));
    await stranger.refusal();
    const shown = await expectClean([
      ['status'],
      ['status', '--json'],
      ['status', '--json', '--user', EVIL],
    ]);
    // Escaped in a way that loses nothing: a script finds the holder by the name it gave.
    const listed = JSON.parse(shown[2]?.stdout ?? '') as { authorizations: { host: string }[] };
    expect(listed.authorizations).toMatchObject([{ user: EVIL, host: EVIL }]);
    await server.logged('a client was refused');
    expect(server.stderr).not.toMatch(UNSAFE);
    client.close();
  });
});

describe('sent by a server', () => {
  test('whatever it says, in every field, it says it escaped', async () => {
    const fields = [EVIL, EVIL, '1.0', 1, 1];
    const row = [newKey(), EVIL, EVIL, EVIL, 1, EVIL, EVIL, EVIL, 1, EVIL, 1, 1, EVIL];
    const license = {
      vendor: EVIL,
      application: EVIL,
      version: EVIL,
      expires: EVIL,
      waiting: EVIL,
    };
    const document = {
      pool: EVIL,
      rlf: { sequence: EVIL },
      leader: EVIL,
      servers: [{ name: EVIL, address: EVIL, role: EVIL, state: EVIL }],
      licenses: [{ ...license, distribution: [{ server: EVIL, allocated: EVIL }] }],
      [EVIL]: EVIL,
    };
    const fake = await FakeServer.start({
      name: EVIL,
      pool: EVIL,
      handler: ([type, sequence, , , application], send) => {
        if (type === MessageType.request && application === 'Denied') {
          send([denied, sequence, 'all-in-use', EVIL, EVIL, { [EVIL]: EVIL }]);
        } else if (type === MessageType.request && application === 'Odd') {
          send([denied, sequence, EVIL, EVIL, EVIL, {}]);
        } else if (type === MessageType.request && application === 'Error') {
          send([MessageType.error, 0, 'protocol', EVIL, EVIL, {}]);
        } else if (type === MessageType.request) {
          send([grant, sequence, TICKET, 600_000, ...fields]);
        } else if (type === MessageType.status) {
          send([statusPage, sequence, document, [row], null]);
        } else if (type === MessageType.release) {
          send([released, sequence, true, 1]);
        } else send([alive, sequence, TICKET, 600_000, 1]);
      },
    });
    const env = { LM_POOL: '', LM_SERVERS: fake.address, LM_TRUST: fake.fingerprint };
    const applications = ['App', 'Denied', 'Odd', 'Error'];
    const ran = await expectClean(
      [
        ['status'],
        ['status', '--json'],
        ...applications.flatMap((application) => [
          ['request', application],
          ['exec', '--app', application, '--', 'true'],
        ]),
        ['request', '--json', 'App'],
        ['request', '--json', 'Denied'],
        ['request', '--wait', '300ms', 'Denied'],
      ],
      env,
    );
    expect(ran.slice(0, 4).map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(fake.received.length).toBeGreaterThan(10);
    const lines = applications.map((application, id) =>
      JSON.stringify({ op: 'request', id, application }),
    );
    const status = JSON.stringify({ op: 'status', id: EVIL, pool: true });
    const stdin = [...lines, status, EVIL, JSON.stringify({ op: EVIL, id: 9 }), ''].join('\n');
    const session = await site.client(['session'], { env, stdin });
    expect(session.stdout + session.stderr).not.toMatch(UNSAFE);
    expect(session.code).toBe(0);
    await fake.stop();
  });
});
