/** A server that was set back joins anew, under another key (DESIGN section 5, memory is identity). */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { Server } from '../server.ts';
import { PoolSite } from './pool-site.ts';

const site = new PoolSite();

beforeAll(async () => {
  await site.layOut(3, [{ application: 'App', limit: 30, terms: ['--key-lifetime', '26s'] }]);
  await site.startAll();
});
afterAll(() => site.close());

test('a rolled-back server is refused, and joins with a new key once the RLF names it', async () => {
  const data = site.file('east/servers/B');
  const image = site.file('image');
  await site.stop('B');
  cpSync(data, image, { recursive: true });
  await site.start('B');
  await site.serves();
  await site.stop('B');
  rmSync(data, { recursive: true });
  cpSync(image, data, { recursive: true });
  // Set back: the others tell it so, and it ends.
  const refused = await site.start('B');
  expect(await refused.exited).toBe(65);
  await site.left('B');

  // It prints what the RLF has to say of it, and waits to be taken in.
  const child = Bun.spawn(site.command('B', ['--rejoin']), {
    ...{ cwd: site.path, stdout: 'pipe', stderr: 'ignore' },
  });
  let said = '';
  for await (const chunk of child.stdout) {
    said += new TextDecoder().decode(chunk);
    if (said.includes('ready name=B')) break;
  }
  child.kill('SIGKILL');
  await child.exited;
  const [table = ''] = /^\[\[server\]\]\n(?:.+ = .+\n)+/.exec(said) ?? [];
  expect(table).toContain('name = "B"');
  expect(readFileSync(site.rlf, 'utf8')).not.toContain(table);

  // Asked to rejoin once more, it keeps the key that it has.
  site.tables.set('B', table);
  await site.list([...'ABC']);
  const again = await Server.start({
    command: site.command('B', ['--rejoin']),
    cwd: site.path,
    env: process.env,
  });
  expect(again.stdout).toStartWith('ready name=B');
  await again.stop();
  await site.start('B');
  const { servers } = await site.serves();
  expect(servers.map(({ name, role }) => [name, role === 'joining'])).toContainEqual(['B', false]);
  const seat = await site.connect().request({ application: 'App', waitMs: 10_000 });
  expect(await seat.release()).toBe(true);
}, 120_000);
