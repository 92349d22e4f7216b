/** DESIGN section 6: keys that end by themselves, however many of them at once. */
import { expect, test } from 'bun:test';
import type { Event } from '../../src/engine/event.ts';
import { tableWrite } from '../../src/engine/key-journal.ts';
import { licenseKey } from '../../src/engine/license/distribution.ts';
import { EXPIRED_PER_TICK_MAX } from '../../src/engine/limits.ts';
import { idText } from '../../src/engine/seat-key.ts';
import { DEFAULT_CODE, makeRlf } from './sample-rlf.ts';
import { Server } from './server.ts';

const TICK: Event = { type: 'tick' };
/** More than one tick may end. A million of them, all in one step, overflowed the stack. */
const MANY = 3.5 * EXPIRED_PER_TICK_MAX;

/** A server that finds `count` keys on its disk, all of them heard as of its start. */
function serverWith(count: number): Server {
  const limit = 2 * MANY;
  const server = new Server(makeRlf({ codes: [{ limit, distribution: { A: limit } }] }));
  const terms = { license: licenseKey(DEFAULT_CODE), count: 1, lifetimeMs: 60_000 };
  const holder = { user: 'u', host: 'h', pid: 1, address: 'a', instance: '.'.repeat(16) };
  for (let from = 1; from <= count; from += 10_000) {
    const numbers = Array.from(
      { length: Math.min(10_000, count - from + 1) },
      (_, at) => from + at,
    );
    server.records.commit(
      numbers.map((number) => {
        const id = idText(Buffer.from(String(number).padStart(16, '0')));
        return tableWrite({ number, id, since: 0, terms, holder, tabled: true });
      }),
    );
  }
  server.restart();
  return server;
}

test('keys that end at once all come back, a bounded number a tick', () => {
  const server = serverWith(MANY);
  expect(server.core.keyCount).toBe(MANY);
  server.boot += 61_000;
  for (let left = MANY; left > 0; left = server.core.keyCount) {
    server.boot = Math.max(server.boot, server.core.nextTick);
    server.core.step(TICK, { boot: server.boot, wall: server.wall });
    const { writes } = server.core.takeEffects();
    server.records.commit(writes);
    expect(left - server.core.keyCount).toBe(Math.min(left, EXPIRED_PER_TICK_MAX));
    expect(writes.length).toBeLessThan(20 * EXPIRED_PER_TICK_MAX);
  }
  server.restart();
  expect(server.core.keyCount).toBe(0);
  expect(server.license()).toMatchObject({ inUse: 0, available: 2 * MANY });
});
