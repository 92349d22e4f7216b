/** A working directory that belongs to somebody hostile changes nothing that lm does. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync, mkdirSync } from 'node:fs';
import { COMMANDS } from '../../src/commands/registry.ts';
import { expectRefusal } from './refusal.ts';
import { Site } from './site.ts';

const AT_ONCE = 6;

const site = new Site();
const trap = site.file('trap');
const marker = site.file('somebody-was-here');

beforeAll(async () => {
  await site.found([{ application: 'App', limit: 50 }]);
  mkdirSync(trap);
  const evil = `require('node:fs').writeFileSync(${JSON.stringify(marker)}, process.argv.join(' '));`;
  const variables = {
    LM_POOL: site.card,
    LM_DATA: site.data,
    LM_RLF: site.rlf,
    LM_ADMIN_KEY: site.file('east/admin.key'),
    LM_KEY: 'lmk1_stolen',
    LM_WAIT: 'nonsense',
    LM_LOG_LEVEL: 'nonsense',
    NODE_OPTIONS: '--require ./evil.js',
    BUN_OPTIONS: '--preload ./evil.js',
  };
  const env = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  const modules = [
    'lm',
    '@oclif/core',
    '@oclif/plugin-help',
    'lmdb',
    'ora',
    'selfsigned',
    'msgpackr',
  ];
  const plugins = {
    bin: 'lm',
    plugins: ['./evil'],
    hooks: { init: './evil.js' },
    commands: './evil',
  };
  const files: [string, string][] = [
    ['bunfig.toml', 'preload = ["./evil.js"]\n[run]\npreload = ["./evil.js"]\n'],
    ['.bunfig.toml', 'preload = ["./evil.js"]\n'],
    ...['.env', '.env.local', '.env.production'].map((name): [string, string] => [
      name,
      env.join(''),
    ]),
    ['evil.js', evil],
    ['package.json', JSON.stringify({ name: 'lm', oclif: plugins, main: './evil.js' })],
    ['tsconfig.json', JSON.stringify({ compilerOptions: { paths: { '*': ['./evil.js'] } } })],
    ['evil/request.js', evil],
    ...modules.flatMap((name): [string, string][] => [
      [`node_modules/${name}/index.js`, evil],
      [`node_modules/${name}/package.json`, JSON.stringify({ name, main: 'index.js' })],
    ]),
  ];
  await Promise.all(files.map(([name, text]) => Bun.write(`${trap}/${name}`, text)));
});
afterAll(() => site.close());

test('every command, as far as it gets: nothing of the directory is run', async () => {
  const left = Object.keys(COMMANDS).map((id) => id.split(':'));
  while (left.length > 0) {
    const some = left.splice(0, AT_ONCE).map(async (words) => {
      const ran = await site.lm([...words, '--help'], { cwd: trap });
      expect({ words, code: ran.code, stderr: ran.stderr }).toEqual({ words, code: 0, stderr: '' });
    });
    await Promise.all(some);
  }
  expect(existsSync(marker)).toBe(false);
});

test('its .env points no command at anything', async () => {
  const run = (...args: string[]) => site.lm(args, { cwd: trap });
  const [status, request, release, serve, sign] = await Promise.all([
    run('status'),
    run('request', 'App'),
    run('release'),
    run('serve'),
    run('rlf', 'sign', site.rlf, '--key', 'none.key'),
  ]);
  expectRefusal(status, 78, 'No pool is named');
  expectRefusal(request, 78, 'No pool is named');
  expectRefusal(release, 64, 'Which seat');
  expectRefusal(serve, 64, 'data');
  expectRefusal(sign, 78);
  expect(existsSync(marker)).toBe(false);
});

test('a server, a wrapped program and a new pool work there as anywhere', async () => {
  const server = await site.serve({ cwd: trap });
  const exec = ['exec', '--app', 'App', '--', 'sh', '-c', 'echo "$LM_WAIT$LM_KEY"; pwd'];
  expect(await site.client(exec, { cwd: trap })).toEqual({
    code: 0,
    stdout: `\n${trap}\n`,
    stderr: '',
  });
  await site.ok(['pool', 'init', 'there', '127.0.0.1'], { cwd: trap });
  await site.ok(['keys', 'new', 'new.key'], { cwd: trap });
  expect(await server.stop()).toBe(0);
  expect(existsSync(marker)).toBe(false);
});
