/**
 * The tasks of package.json, for a machine that has only Node and npm: installs what is missing,
 * says what it does, and stops at the first step that fails.
 *
 *   node bin/task.mjs start | test | build | check | bench | soak | simulate [ARG…]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTests } from './tests.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = join(root, 'node_modules/.bin');
const executable = join(root, 'dist/lm');
const started = Date.now();

function say(text) {
  const seconds = ((Date.now() - started) / 1000).toFixed(1).padStart(6);
  process.stderr.write(`[${seconds} s] ${text}\n`);
}

function run(what, command, args, environment = {}) {
  if (what !== '') say(what);
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...environment, PATH: `${bin}:${process.env.PATH}` },
  });
  if (error) say(`${command}: ${error.message}`);
  if (status !== 0) {
    say(`stopped: ${command} ${args.join(' ')} ended with ${signal ?? status}`);
    process.exit(status ?? 1);
  }
}

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function newest(folder) {
  const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Math.max(0, ...files.map(({ parentPath, name }) => modified(join(parentPath, name))));
}

function install() {
  const installed = modified(join(root, 'node_modules/.package-lock.json'));
  if (installed > 0 && installed >= modified(join(root, 'package-lock.json'))) return;
  // Not `npm ci`: it refuses a lock file made where the registry has only this platform's packages.
  run('installing packages', 'npm', ['install', '--no-save', '--no-audit', '--no-fund']);
}

function build() {
  install();
  const sources = Math.max(newest('src'), newest('bin'), modified(join(root, 'package-lock.json')));
  if (modified(executable) > sources && existsSync(join(root, 'dist/client/index.js'))) return;
  run('building the executable dist/lm', 'bun', ['bin/build.ts']);
  run('building the client library dist/client', 'bun', ['bin/build-client.ts']);
}

function check() {
  install();
  run('checking types (tsc)', 'tsc', ['-p', '.']);
  run('checking style (biome)', 'biome', ['check', '--error-on-warnings', '.']);
  run('looking for dead code and dependencies (knip)', 'knip', []);
}

/** All of them, or those that are asked for. */
async function test(asked) {
  if (asked.length > 0) {
    run('running the tests', 'bun', ['test', '--timeout', '60000', ...asked]);
    return;
  }
  const environment = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
  if (await runTests({ root, environment, say })) return;
  say('stopped: a test failed');
  process.exit(1);
}

const [task, ...rest] = process.argv.slice(2);
switch (task) {
  case 'build':
    build();
    break;
  case 'check':
    check();
    break;
  case 'start':
    build();
    run('starting a pool to try: lm dev', executable, ['dev', ...rest]);
    break;
  case 'test':
    check();
    build();
    await test(rest);
    say('all done');
    break;
  case 'soak':
    build();
    run('running the long tests', 'bun', ['test', '--timeout', '3600000', ...rest], {
      LM_SOAK: '1',
    });
    break;
  case 'simulate':
    install();
    // --alone: pools of one server, with more of what goes wrong at one.
    run('simulating', 'bun', [
      rest.includes('--alone') ? 'test/simulation/simulate.ts' : 'test/simulation/pool/simulate.ts',
      ...rest.filter((one) => one !== '--alone'),
    ]);
    break;
  case 'bench':
    build();
    run('measuring', 'bun', ['bench/main.ts', ...rest]);
    break;
  default:
    say('usage: node bin/task.mjs start | test | build | check | bench | soak | simulate');
    process.exit(64);
}
