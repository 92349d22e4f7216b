/** DESIGN section 9: of the licenses that cover a version, the lowest that has seats serves. */
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type CoreMessage, MessageType } from '../../src/engine/messages.ts';
import { makeRlf, type SampleCode } from './sample-rlf.ts';
import { Server, START } from './server.ts';

const { grant, waiting } = MessageType;
const DAY = 24 * 3_600_000;

const poolOf = (...codes: SampleCode[]) => new Server(makeRlf({ codes }));

/** The version that serves, or why none does. */
const served = (answer: CoreMessage | undefined) =>
  answer?.[0] === grant ? answer[6] : answer?.[2];

test('the lowest covering version serves, else the next, else the line of the lowest', () => {
  const server = poolOf(
    { version: '2.0', limit: 2 },
    { version: '10.0', limit: 1 },
    { version: '1.9', limit: 1 },
  );
  const client = server.client();
  const ask = (key: number, options: object) =>
    served(server.ask(client, server.request(key, options))[0]);
  expect(ask(1, { version: '1.9.1' })).toBe('2.0');
  expect(ask(2, { version: '1.9' })).toBe('1.9');
  expect(ask(3, { version: '1' })).toBe('2.0');
  expect(ask(4, {})).toBe('10.0');
  expect(ask(5, {})).toBe('all-in-use');
  expect(ask(6, { version: '10.0.1' })).toBe('version-not-licensed');
  expect(ask(7, { version: '10.0.0', count: 2 })).toBe('exceeds-limit');
  const waiter = server.client();
  expect(server.ask(waiter, server.request(8, { patienceMs: DAY }))[0]?.[0]).toBe(waiting);
  expect(server.ask(client, server.release(2)).map(served)).toContain('1.9');
});

test('against the rule, looked up the slow way', () => {
  const licenses = fc.uniqueArray(
    fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 1, max: 4 })),
    {
      minLength: 1,
      maxLength: 4,
      selector: ([version]) => version,
    },
  );
  const requests = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 1, max: 5 })),
    {
      maxLength: 12,
    },
  );
  fc.assert(
    fc.property(licenses, requests, (all, asked) => {
      const server = poolOf(...all.map(([version, limit]) => ({ version: `${version}.0`, limit })));
      const client = server.client();
      const left = new Map([...all].sort(([a], [b]) => a - b));
      const limits = new Map(all);
      for (const [at, [version, count]] of asked.entries()) {
        const wish = { version: String(version), count };
        const answer = served(server.ask(client, server.request(at + 1, wish))[0]);
        const covering = [...left.keys()].filter((licensed) => licensed >= version);
        const serving = covering.find((licensed) => (left.get(licensed) ?? 0) >= count);
        if (serving !== undefined) {
          expect(answer).toBe(`${serving}.0`);
          left.set(serving, (left.get(serving) ?? 0) - count);
        } else if (covering.length === 0) {
          expect(answer).toBe('version-not-licensed');
        } else {
          const possible = covering.some((licensed) => (limits.get(licensed) ?? 0) >= count);
          expect(answer).toBe(possible ? 'all-in-use' : 'exceeds-limit');
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('dates: one that may be used now serves; else the best news is told', () => {
  const past = { expires: START - DAY };
  const future = { notBefore: START + DAY };
  const ask = (server: Server) => served(server.ask(server.client(), server.request(1))[0]);
  expect(ask(poolOf({ version: '1.0', ...past }, { version: '2.0' }))).toBe('2.0');
  expect(ask(poolOf({ version: '1.0', ...future }, { version: '2.0' }))).toBe('2.0');
  expect(ask(poolOf({ version: '1.0', ...past }, { version: '2.0', ...future }))).toBe(
    'not-yet-valid',
  );
  expect(ask(poolOf({ version: '1.0', ...past }, { version: '2.0', ...past }))).toBe('expired');
});

test('codes of one version add up, by what their dates allow', () => {
  const server = poolOf(
    { limit: 2 },
    { limit: 3 },
    { limit: 4, expires: START + 60_000 },
    { limit: 8, notBefore: START + DAY },
  );
  expect(server.license()).toMatchObject({ hardLimit: 9, available: 9 });
  server.pass(60_001);
  expect(server.license()).toMatchObject({ hardLimit: 5, available: 5, deficit: 0 });
});

test('two vendors of one application: the request has to name one', () => {
  const server = poolOf({ vendor: 'Acme', limit: 1 }, { vendor: 'Bolt', limit: 1 });
  const client = server.client();
  const ask = (key: number, options: object) => server.ask(client, server.request(key, options))[0];
  expect(ask(1, {})).toMatchObject({ 2: 'unknown-application', 5: { vendors: ['Acme', 'Bolt'] } });
  expect(ask(2, { vendor: 'Bolt' })).toMatchObject({ 0: grant, 4: 'Bolt' });
  expect(ask(3, { vendor: 'Acme' })).toMatchObject({ 0: grant, 4: 'Acme' });
  expect(ask(4, { vendor: 'Acme' })?.[2]).toBe('all-in-use');
});

test("the lowest version's free pool serves before a higher version's row", () => {
  const server = poolOf(
    { version: '1.0', limit: 3, distribution: { A: 1 } },
    { version: '2.0', limit: 5 },
  );
  const client = server.client();
  const ask = (key: number) =>
    server.ask(client, server.request(key, { version: '1.0' })).map(served);
  expect([ask(1), ask(2), ask(3), ask(4)]).toEqual([['1.0'], ['1.0'], ['1.0'], ['2.0']]);
});
