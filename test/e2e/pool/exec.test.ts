/** `lm exec` while the leader dies: the program that holds the seat sees nothing of it. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { until } from '../../client/until.ts';
import { Program } from '../program.ts';
import { LIFETIME_MS } from './holder.ts';
import { PoolSite } from './pool-site.ts';

/** It takes the lifetime of a key, and more: a long test. */
const SOAK = process.env['LM_SOAK'] === '1';

const site = new PoolSite();

beforeAll(async () => {
  const terms = ['--key-lifetime', `${LIFETIME_MS}ms`];
  await site.layOut(3, [{ application: 'App', limit: 30, terms }]);
  await site.startAll();
});
afterAll(() => site.close());

const SCRIPT = `i=0
until [ -e enough ]; do echo "tick $i"; i=$((i + 1)); sleep 1; done
echo last
exit 7`;

test.if(SOAK)(
  'a program prints on while the leader that issued its seat is killed',
  async () => {
    const program = new Program(site, SCRIPT);
    const ticks = () => program.stdout.split('\n').length - 1;
    await program.says('tick 1');
    const before = await site.when(({ authorizations }) => authorizations.length === 1, 'one runs');
    const server = String(before.authorizations[0]?.server);
    expect(server).toBe(String(before.leader));
    await site.kill(server);
    const killedAt = ticks();
    const after = await site.when(({ authorizations: [one] }) => {
      return one !== undefined && one.server !== server;
    }, 'another server has the seat');
    expect(after.leader).not.toBe(server);
    // Past the lifetime that the seat had when its server died.
    const enough = killedAt + LIFETIME_MS / 1_000 + 3;
    await until(() => ticks() >= enough, 'it printed for a lifetime', 3 * LIFETIME_MS);
    await site.write('enough', '');
    const { code, stdout, stderr } = await program.end();
    const said = stdout.split('\n').slice(0, -2);
    expect(said).toEqual(said.map((_, i) => `tick ${i}`));
    expect({ code, stderr, last: stdout.slice(-5) }).toEqual({
      code: 7,
      stderr: '',
      last: 'last\n',
    });
    await site.when(({ authorizations }) => authorizations.length === 0, 'its seat is back');
  },
  180_000,
);
