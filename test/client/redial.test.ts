/** DESIGN section 7: a lost server is looked for again and again, not only at the next heartbeat. */
import { expect, test } from 'bun:test';
import { generous } from './fake-server.ts';
import { clientOf, fake } from './harness.ts';
import { until } from './until.ts';

test('a server that is away for longer than a round of dialling is found when it is back', async () => {
  const server = await fake({ handler: generous() });
  const { port } = server;
  const client = clientOf(server);
  const seat = await client.request({ application: 'App' });
  const losses: unknown[] = [];
  seat.on('lost', (reason) => losses.push(reason));
  await server.stop();
  // Where nothing listens a round fails at once. The second of these at the latest is one.
  for (let asked = 0; asked < 2; asked++) {
    expect(await client.status()).toMatchObject([{ code: 'unreachable' }]);
  }
  const again = await fake({ handler: generous(), port });
  await until(() => again.hellos.length > 0, 'it is greeted again', 15_000);
  expect(losses).toEqual([]);
});
