/** The library as others get it: built, typed, and run by Node. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../commands/run-lm.ts';
import { Site } from '../e2e/site.ts';

const ROOT = join(import.meta.dir, '../..');
const TSC = join(ROOT, 'node_modules/.bin/tsc');
const node = Bun.which('node');

const site = new Site();
const home = site.file('application');
beforeAll(async () => {
  const build = await run([process.execPath, 'bin/build-client.ts'], { cwd: ROOT });
  expect([build.code, build.stderr]).toEqual([0, '']);
  const installed = join(home, 'node_modules/lm');
  mkdirSync(join(installed, 'dist'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(installed, 'package.json'));
  cpSync(join(ROOT, 'dist/client'), join(installed, 'dist/client'), { recursive: true });
  for (const name of ['@types', 'undici-types']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(home, 'node_modules', name));
  }
  cpSync(join(ROOT, 'docs/examples/library.ts'), join(home, 'library.ts'));
  await site.write('application/package.json', '{"type":"module"}');
  await site.found([{ application: 'App', limit: 3 }]);
  await site.serve();
});
afterAll(() => site.close());

/** As strict as an application may be, with the declarations themselves checked. */
const OPTIONS = [
  ...['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'],
  ...['--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,esnext.disposable'],
  ...['--types', 'node', '--skipLibCheck', 'false'],
];

test('the example compiles against the declarations, and misuse does not', async () => {
  const good = await run([TSC, ...OPTIONS, 'library.ts'], { cwd: home });
  expect(good).toEqual({ code: 0, stdout: '', stderr: '' });
  const misuse = [
    "import { LicenseClient } from 'lm';",
    'const client = new LicenseClient({ insecure: 1 });',
    "const seat = await client.request({ app: 'x' });",
    "seat.on('lost', (reason: number) => reason);",
  ];
  await site.write('application/misuse.ts', misuse.join('\n'));
  const bad = await run([TSC, ...OPTIONS, '--noEmit', 'misuse.ts'], { cwd: home });
  const lines = [...bad.stdout.matchAll(/misuse\.ts\((\d)/g)].map(([, line]) => Number(line));
  expect([...new Set(lines)]).toEqual([2, 3, 4]);
});

test.skipIf(node === null)('Node runs it, with the chain and the proof verified', async () => {
  const vendor = (await site.read('vendor.key.pub')).trim();
  const env = { ...site.env, LM_VENDOR_KEY: vendor };
  const worked = await run(['node', 'library.js', 'App'], { cwd: home, env });
  expect(worked).toEqual({
    code: 0,
    stdout: 'working on App 1.0, verified: true\nreleased true\n',
    stderr: '',
  });
  const denied = await run(['node', 'library.js', 'Nope'], { cwd: home, env });
  expect([denied.code, denied.stdout]).toEqual([77, '']);
});

test.skipIf(node === null)('a seat that nobody waits for keeps no process running', async () => {
  const program = [
    "import { LicenseClient } from 'lm';",
    "const seat = await new LicenseClient().request({ application: 'App' });",
    'console.log(seat.key);',
  ];
  await site.write('application/leaves.mjs', program.join('\n'));
  for (const runtime of ['node', process.execPath]) {
    const left = await run([runtime, 'leaves.mjs'], { cwd: home, env: site.env });
    expect([left.code, left.stderr]).toEqual([0, '']);
    const released = await site.client(['release', '-', '--json'], { stdin: left.stdout });
    expect(JSON.parse(released.stdout)).toEqual({ released: true, count: 1 });
  }
});
