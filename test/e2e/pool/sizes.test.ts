/** Pools of two and of four serve, and say what they do not survive; one of twelve is refused. */
import { expect, test } from 'bun:test';
import { run } from '../../commands/run-lm.ts';
import { PoolSite } from './pool-site.ts';

const LICENSE = { application: 'App', limit: 4 };

for (const [count, survives] of [
  [2, 'survives the loss of none'],
  [4, 'survives the loss of one, like one of 3'],
] as const) {
  test(`a pool of ${count} starts with a warning, and serves`, async () => {
    const site = new PoolSite();
    try {
      await site.layOut(count, [LICENSE]);
      await site.startAll();
      for (const name of site.names) {
        const { level } = await site.server(name).logged(survives);
        expect({ name, level }).toEqual({ name, level: 'warn' });
      }
      const seat = await site.connect().request({ application: 'App' });
      expect(seat.valid).toBe(true);
    } finally {
      await site.close();
    }
  });
}

test('a pool of three says nothing of the kind', async () => {
  const site = new PoolSite();
  try {
    await site.layOut(3, [LICENSE]);
    await site.startAll();
    for (const name of site.names) expect(site.server(name).stderr).not.toContain('survives');
  } finally {
    await site.close();
  }
});

test('an RLF with twelve servers is refused wherever it is shown', async () => {
  const site = new PoolSite();
  try {
    await site.layOut(3, [LICENSE]);
    const founded = await Bun.file(site.rlf).text();
    const more = Array.from({ length: 9 }, (_, i) => {
      const fingerprint = `sha256:${Buffer.alloc(32, i + 1).toString('base64url')}`;
      return `[[server]]\nname = "X${i}"\naddress = "127.0.0.1:${6_000 + i}"\nfingerprint = "${fingerprint}"`;
    });
    const [head = ''] = founded.split(/(?=^\[\[server)/m);
    const rest = founded.slice(head.length);
    const twelve = `${head}${more.join('\n\n')}\n\n${rest}`.replace(
      /^sequence = \d+/m,
      'sequence = 9',
    );
    await site.write('twelve.toml', twelve);
    const signing = await site.lm(['rlf', 'sign', 'twelve.toml', '--key', site.adminKey]);
    expect(signing.code).toBe(65);
    expect(signing.stderr).toContain('more than 11');
    const verified = await site.lm(['rlf', 'verify', 'twelve.toml']);
    const args = site.command('A').map((part) => (part === site.rlf ? 'twelve.toml' : part));
    const served = await run(args, { cwd: site.path });
    for (const { code, stdout, stderr } of [verified, served]) {
      expect({ code, stdout }).toEqual({ code: 65, stdout: '' });
      expect(stderr).toContain('more than 11');
    }
  } finally {
    await site.close();
  }
});
