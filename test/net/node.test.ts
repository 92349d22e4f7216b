/** STYLE rule 2: persist, flush, then send, to clients and to other servers alike. */
import { expect, test } from 'bun:test';
import type { Core } from '../../src/engine/core.ts';
import { type Effects, Outbox } from '../../src/engine/effects.ts';
import type { Event } from '../../src/engine/event.ts';
import { put, Space, spacePrefix } from '../../src/engine/records.ts';
import { type Answerable, Node } from '../../src/net/node.ts';
import { transferTo } from './member.ts';

const TIME = { boot: 1, wall: 1 };

/** A core that does what the test says in each step. */
function scripted(steps: ((outbox: Outbox) => void)[]) {
  const done: string[] = [];
  const outbox = new Outbox();
  const core = {
    nextTick: Number.POSITIVE_INFINITY,
    step(event: Event) {
      done.push(event.type);
      steps.shift()?.(outbox);
    },
    takeEffects: (): Effects => outbox.take(),
  };
  const node = new Node({
    core: core as unknown as Core,
    commit: (writes) => done.push(`write ${writes.length}`),
    now: () => TIME,
    log: () => undefined,
    sendPeers: (sends) => done.push(`peers ${sends.map(({ to }) => to).join()}`),
    onTurn: () => done.push('turn'),
    onFailure: (error) => {
      throw error;
    },
  });
  const client = {
    send: () => done.push('reply'),
    flush: () => done.push('flushed'),
  } as unknown as Answerable;
  return { node, client, done };
}

test('what peers get goes out in one go, after the write and before the replies', () => {
  const { node, client, done } = scripted([
    (outbox) => {
      outbox.tell('B', transferTo('B'));
      outbox.reply(client, [51, 1, '']);
      outbox.writes.push(put(spacePrefix(Space.state), 1));
      outbox.tell('C', transferTo('C'));
    },
    (outbox) => outbox.tell('B', transferTo('B')),
  ]);
  node.now({ type: 'tick' });
  node.stop();
  const first = ['write 1', 'peers B,C', 'reply', 'flushed'];
  expect(done.slice(0, 8)).toEqual(['tick', ...first, 'persisted', 'peers B', 'turn']);
});

test('without peers nobody is asked to send', () => {
  const { node, client, done } = scripted([(outbox) => outbox.reply(client, [51, 1, ''])]);
  node.now({ type: 'tick' });
  expect(done).toEqual(['tick', 'reply', 'flushed', 'turn']);
});
