/** `lm rlf recover`: what it changes in the text of an RLF, and what it refuses. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { serverTables } from '../license/samples.ts';
import { Workplace } from './run-lm.ts';

const place = new Workplace();

beforeAll(async () => {
  await place.json(['keys', 'new', 'vendor.key']);
  const admin = String((await place.json(['keys', 'new', 'admin.key']))['publicKey']);
  const pool = `# ours\nsequence = 1 # counts\n[pool]\nname = "cad-east"\nadmin = "${admin}"\n`;
  await place.write('base.toml', `${pool}\n# all of them\n${serverTables(['A', 'B', 'C'])}`);
  const names = ['--vendor', 'Acme', '--key', 'vendor.key', '--application', 'App'];
  const terms = ['--version', '1.0', '--limit', '10', '--any-customer', '-o', 'app.lic'];
  await place.json(['code', 'sign', ...names, ...terms]);
  await place.json(['rlf', 'sign', 'base.toml']);
  const spread = ['--distribution', 'A=2,B=3,C=4'];
  await place.json(['rlf', 'add', 'app.lic', '--rlf', 'base.toml', ...spread]);
});
afterAll(() => place.remove());

const copied = async (name: string) => place.write(name, await place.read('base.toml'));

test('the lost servers leave the list and the distribution; sequence and epoch rise', async () => {
  await copied('pool.toml');
  const made = await place.json(['rlf', 'recover', 'pool.toml', '--keep', 'A, C']);
  expect(made).toMatchObject({ sequence: 3, epoch: 2, servers: ['A', 'C'] });
  const verified = await place.json(['rlf', 'verify', 'pool.toml']);
  expect(verified).toMatchObject({ sequence: 3 });
  const text = await place.read('pool.toml');
  expect(text).toStartWith('# ours\nsequence = 3 # counts\n');
  expect(text).toContain('# all of them\n[[server]]\nname = "A"');
  expect(text).not.toContain('name = "B"');
  expect(text).toMatch(/distribution = \{ *A = 2, *C = 4 *\}/);
  expect(text).toContain('[recover]\nepoch = 2\n');

  // Once more: the epoch is replaced, not added.
  expect(await place.json(['rlf', 'recover', 'pool.toml', '--keep', 'C'])).toMatchObject({
    ...{ sequence: 4, epoch: 3, servers: ['C'] },
  });
  expect((await place.read('pool.toml')).match(/\[recover\]/g)).toHaveLength(1);
});

test.each([['D'], ['A,D'], ['']])('--keep %p: usage, and nothing is changed', async (keep) => {
  await copied('other.toml');
  const { code, stderr } = await place.lm(['rlf', 'recover', 'other.toml', '--keep', keep]);
  expect([code, stderr.includes('A, B, C')]).toEqual([64, true]);
  expect(await place.read('other.toml')).toBe(await place.read('base.toml'));
});

test.each([
  ['the first epoch', 'epoch = 1'],
  ['an epoch that is none', 'epoch = "2"'],
  ['a field that nobody knows', 'epoch = 2\nforce = true'],
])('%s in the table: refused by name', async (_, fields) => {
  const text = await place.read('base.toml');
  await place.write('bad.toml', text.replace('[pool]', `[recover]\n${fields}\n[pool]`));
  const { code, stderr } = await place.lm(['rlf', 'verify', 'bad.toml']);
  expect([code, stderr.includes('recover')]).toEqual([65, true]);
});
