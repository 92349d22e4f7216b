/** DESIGN section 4: moves that were proposed before a crash and are applied after it. */
import { expect, test } from 'bun:test';
import type { Event } from '../../src/engine/event.ts';
import { MessageType } from '../../src/engine/messages.ts';
import { makeRlf } from './sample-rlf.ts';
import { Server } from './server.ts';

const rlfOf = (sequence: number, limit: number) => makeRlf({ sequence, codes: [{ limit }] });

test('several payments of a deficit, left in the log, are paid once', () => {
  const server = new Server(rlfOf(1, 10));
  const client = server.client();
  for (const key of [1, 2, 3, 4, 5]) server.ask(client, server.request(key, { count: 2 }));
  server.step({ type: 'offered', rlf: rlfOf(2, 4) });
  const releases = [1, 2, 3].map((key): Event => {
    return { type: 'message', client, message: server.release(key) };
  });
  server.crash(...releases);
  expect(server.license()).toMatchObject({ hardLimit: 4, inUse: 4, deficit: 0, available: 0 });
});

test('who asks without patience is told no place in the line while seats are on their way', () => {
  const server = new Server(makeRlf({ codes: [{ limit: 4, distribution: { A: 0 } }] }));
  const asking = [1, 2, 3].map((key): Event => {
    const message = server.request(key, { count: 2 });
    return { type: 'message', client: server.client(), message };
  });
  const types = server.step(...asking, { type: 'tick' }).map(([type]) => type);
  const { grant, denied } = MessageType;
  expect(types).toEqual([grant, grant, denied]);
});
