/** `lm session` (docs/SESSION.md): its lines, its end, and the examples that drive it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import fc from 'fast-check';
import { LineSplitter } from '../../src/commands/shared/json-lines.ts';
import { readSessionMessage } from '../../src/commands/shared/session-message.ts';
import { executable } from '../e2e/executable.ts';
import { Session } from '../e2e/session.ts';
import { Site } from '../e2e/site.ts';
import { environment, run } from './run-lm.ts';

const EXAMPLES = join(import.meta.dir, '../../docs/examples');

const site = new Site();
beforeAll(async () => {
  await site.found([{ application: 'App', limit: 3 }]);
  await site.serve();
});
afterAll(() => site.close());

interface License {
  readonly inUse: number;
  readonly waiting: number;
}

async function license(): Promise<License> {
  const { licenses } = (await site.ask(['status'])) as { licenses: License[] };
  return licenses[0] ?? { inUse: -1, waiting: -1 };
}

/** Runs a session on this input, to its end. */
async function converse(input: string): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await site.client(['session'], { stdin: input });
  expect([code, stderr]).toEqual([0, '']);
  const lines = stdout.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('a session', () => {
  test('requests, waits, cancels, releases, and gives everything back at the end', async () => {
    const session = Session.open(site);
    const first = await session.request({ application: 'App', count: 2 });
    expect(first).toMatchObject({ id: 1, ok: true, application: 'App', count: 2, valid: true });
    expect(first.seat).toBe(String(first['authorization']));
    const more = session.request({ application: 'App', count: 2, waitMs: 60_000 });
    const waiting = await session.event(({ event }) => event === 'waiting', 'it waits');
    expect(waiting).toEqual({ event: 'waiting', id: 2, position: 1, waiting: 1 });
    expect(await session.say({ op: 'cancel', request: 2 })).toMatchObject({ cancelled: true });
    expect(await more).toMatchObject({ ok: false, error: { code: 'cancelled' } });
    expect(await session.say({ op: 'cancel', request: 2 })).toMatchObject({ cancelled: false });
    const status = await session.say({ op: 'status', pool: true });
    expect(status).toMatchObject({ seats: [{ seat: first.seat }], pools: [{ pool: 'east' }] });
    const one = await session.request({ application: 'App' });
    expect(await session.release(first.seat)).toMatchObject({ ok: true, released: true });
    expect(await session.release(first.seat)).toMatchObject({ ok: true, released: false });
    expect(one.ok).toBe(true);
    expect((await license()).inUse).toBe(1);
    expect(await session.end()).toBe(0);
    expect(await license()).toEqual(expect.objectContaining({ inUse: 0, waiting: 0 }));
  });

  test('denials carry what the command line says', async () => {
    const session = Session.open(site);
    const answers = await Promise.all([
      session.request({ application: 'Nope' }),
      session.request({ application: 'App', version: '2.0' }),
      session.request({ application: 'App', count: 9 }),
      session.request({ application: 'App', count: 0 }),
      session.request({ application: 'App', version: 'x' }),
    ]);
    expect(answers.map(({ error }) => error?.code)).toEqual([
      ...['unknown-application', 'version-not-licensed', 'exceeds-limit', 'usage', 'usage'],
    ]);
    await session.end();
  });

  test('a line that can not be read is answered, and the session goes on', async () => {
    const lines = [
      'garbage',
      '[]',
      '"x"',
      '{"op":"request","application":"App"}',
      '{"op":"fly","id":1}',
      '{"op":"constructor","id":2}',
      '{"op":"request","id":3}',
      '{"op":"request","id":4,"application":7}',
      '{"op":"request","id":5,"application":"App","counts":1}',
      '{"op":"release","id":{}}',
      `{"op":"status","id":6,"x":"${'y'.repeat(70_000)}"}`,
      '',
      '{"op":"status","id":"last"}',
    ];
    const answers = await converse(lines.join('\n'));
    const bad = answers.filter(({ ok }) => ok === false);
    expect(bad).toHaveLength(11);
    const codes = bad.map(({ error }) => (error as { code: string }).code);
    expect(new Set(codes)).toEqual(new Set(['usage']));
    const ids = bad.map(({ id }) => id).filter((id) => id !== null);
    expect(ids.sort()).toEqual([1, 2, 3, 4, 5]);
    expect(answers.find(({ id }) => id === 'last')).toEqual({ id: 'last', ok: true, seats: [] });
  });

  test('the same id twice at once is refused', async () => {
    const all = await site.client(['request', 'App', '-n', '3']);
    const asked = '{"op":"request","id":7,"application":"App","waitMs":60000}\n';
    const answers = await converse(asked + asked);
    const errors = answers.filter(({ ok }) => ok === false).map(({ error }) => error);
    expect(errors.map((error) => (error as { code: string }).code).sort()).toEqual([
      'cancelled',
      'usage',
    ]);
    await site.client(['release', '-'], { stdin: all.stdout });
  });

  test('SIGTERM gives the seats back too', async () => {
    const told = Bun.spawn([executable(), 'session'], {
      env: environment(site.env),
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    });
    told.stdin.write('{"op":"request","id":1,"application":"App"}\n');
    await told.stdout.getReader().read();
    expect((await license()).inUse).toBe(1);
    told.kill('SIGTERM');
    expect(await told.exited).toBe(143);
    expect((await license()).inUse).toBe(0);
  });

  test('a reader that goes away ends it, and gives the seats back too', async () => {
    await site.write('request', '{"op":"request","id":1,"application":"App"}\n');
    await site.write('status', '{"op":"status","id":2}\n');
    const says = 'cat request; while cat status; do sleep 0.05; done';
    const script = `{ ${says}; } | "$LM" session | head -n 1; echo "\${PIPESTATUS[1]}"`;
    const env = { ...site.env, LM: executable() };
    const { stdout, stderr } = await run(['bash', '-c', script], { cwd: site.path, env });
    const [first = '', code] = stdout.split('\n');
    expect([JSON.parse(first)['ok'], code, stderr]).toEqual([true, '0', '']);
    expect((await license()).inUse).toBe(0);
  });
});

describe('the examples', () => {
  // `lm` on the PATH is the executable.
  const withLm = () => ({
    env: { ...site.env, PATH: `${join(executable(), '..')}:${process.env['PATH']}` },
  });

  const cases: [string, string, () => Promise<string[]>][] = [
    ['Python', 'python3', async () => ['python3', join(EXAMPLES, 'session.py')]],
    [
      'C',
      'cc',
      async () => {
        const program = site.file('session-example');
        const source = join(EXAMPLES, 'session.c');
        const built = await run(['cc', '-Wall', '-Wextra', '-Werror', '-o', program, source]);
        expect(built).toEqual({ code: 0, stdout: '', stderr: '' });
        return [program];
      },
    ],
  ];

  for (const [language, tool, command] of cases) {
    test.skipIf(Bun.which(tool) === null)(
      `${language} holds a seat through lm session`,
      async () => {
        const program = await command();
        const worked = await run([...program, 'App'], withLm());
        expect(worked.stdout.toLowerCase()).toBe('working on app 1.0\nreleased true\n');
        expect([worked.code, worked.stderr]).toEqual([0, '']);
        const denied = await run([...program, 'Nope'], withLm());
        expect([denied.code, denied.stdout]).toEqual([1, '']);
        expect(denied.stderr).toContain('unknown-application');
        expect((await license()).inUse).toBe(0);
      },
    );
  }
});

describe('the pieces', () => {
  test('lines come out whole, however the bytes are cut', () => {
    const lines = fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replace(/\s/g, '')));
    fc.assert(
      fc.property(lines, fc.array(fc.nat(40)), (texts, cuts) => {
        const got: string[] = [];
        const handler = {
          onLine: (line: string) => got.push(line),
          onTooLong: () => got.push('!'),
        };
        const splitter = new LineSplitter(1_000, handler);
        let bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
        for (const cut of cuts) {
          splitter.push(bytes.subarray(0, cut));
          bytes = bytes.subarray(cut);
        }
        splitter.push(bytes);
        splitter.end();
        expect(got).toEqual(texts.filter((text) => text.trim() !== ''));
      }),
    );
  });

  test('a line that is too long is told once, and the next one is read', () => {
    const got: string[] = [];
    const handler = { onLine: (line: string) => got.push(line), onTooLong: () => got.push('!') };
    const splitter = new LineSplitter(8, handler);
    for (const part of [
      '12345678\n',
      '123456789',
      'and more',
      ' and more\n',
      'ok\n',
      '12345',
      '6789',
    ]) {
      splitter.push(Buffer.from(part));
    }
    splitter.end();
    expect(got).toEqual(['12345678', '!', 'ok', '!']);
  });

  test('any JSON is read or refused, and never thrown at', () => {
    fc.assert(
      fc.property(fc.json(), (line) => {
        const { message, problem } = readSessionMessage(line);
        expect(message === null).toBe(problem !== '');
      }),
    );
  });

  test('leaving a field out or giving null is the same', () => {
    const { message } = readSessionMessage(
      '{"op":"request","id":"a","application":"App","version":null,"waitMs":5}',
    );
    expect(message).toMatchObject({ op: 'request', id: 'a', version: undefined, waitMs: 5 });
  });
});
