/** `lm exec` around real programs (issue 2, "Real input"): lm is not to be noticed. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { until } from '../client/until.ts';
import { executable } from './executable.ts';
import { Program } from './program.ts';
import type { ShownLicense } from './seat-book.ts';
import type { Server } from './server.ts';
import { Site } from './site.ts';

const site = new Site();
let server: Server;

beforeAll(async () => {
  await site.found([
    { application: 'App', limit: 50 },
    { application: 'None', limit: 1, terms: ['--expires', '2020-01-01'] },
  ]);
  server = await site.serve();
});
afterAll(() => site.close());

describe('programs see what they would see without lm', () => {
  const run = (script: string, stdin?: string) =>
    site.client(
      ['exec', '--app', 'App', '--', 'sh', '-c', script],
      stdin === undefined ? {} : { stdin },
    );

  test('a pipeline, standard input and output, standard error', async () => {
    const input = `${'line of text, ü\n'.repeat(20_000)}last`;
    const [piped, copied, both, env] = await Promise.all([
      run('printf "b\\na\\nc\\n" | sort -r | tr a-z A-Z | head -n 2'),
      run('cat', input),
      run('echo out; echo err >&2; wc -c', input),
      run('echo "$0 $# $(test -n "$LM_POOL" && echo pool)"; pwd'),
    ]);
    expect(piped).toEqual({ code: 0, stdout: 'C\nB\n', stderr: '' });
    expect(copied.stdout).toBe(input);
    const bytes = Buffer.byteLength(input);
    expect({ ...both, stdout: both.stdout.replace(/ +/g, '') }).toEqual({
      code: 0,
      stdout: `out\n${bytes}\n`,
      stderr: 'err\n',
    });
    expect(env.stdout).toBe(`sh 0 pool\n${site.path}\n`);
  });

  test('exit codes and signals come out as they went in', async () => {
    await Bun.write(site.file('plain.txt'), 'no program');
    const exec = (...command: string[]) => site.client(['exec', '--app', 'App', '--', ...command]);
    const results = await Promise.all([
      run('exit 0'),
      run('exit 7'),
      run('exit 255'),
      run('kill -TERM $$'),
      run('kill -KILL $$'),
      run('kill -SEGV $$'),
      exec('no-such-program-here'),
      exec('./plain.txt'),
      exec('/'),
    ]);
    expect(results.map(({ code }) => code)).toEqual([0, 7, 255, 143, 137, 139, 127, 126, 126]);
    expect(results.map(({ stdout }) => stdout).join('')).toBe('');
  });

  test('a program that forks: lm ends with the program, not with what it left behind', async () => {
    const { code, stdout } = await run('sleep 300 >/dev/null 2>&1 & echo $!');
    const pid = Number(stdout);
    expect(code).toBe(0);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    process.kill(pid, 'SIGKILL');
  });

  test('where there is no seat the program is not started', async () => {
    const script = ['--', 'sh', '-c', 'echo started'];
    const [denied, unknown, own] = await Promise.all([
      site.client(['exec', '--app', 'None', ...script]),
      site.client(['exec', '--app', 'Nothing', ...script]),
      site.client(['exec', '--app', 'None', '--denied-exit', '3', ...script]),
    ]);
    expect([denied.code, unknown.code, own.code]).toEqual([77, 77, 3]);
    expect(denied.stdout + unknown.stdout + own.stdout).toBe('');
    expect(denied.stderr).toMatch(/^lm: The license for None 1.0 expired.*\n {4}\S.*\n$/);
  });

  test('signals go on to the program; one that ignores SIGTERM ends when it likes', async () => {
    const stubborn = new Program(
      site,
      "trap '' TERM; trap 'echo usr' USR1; echo up; while ! read x; do :; done; echo $x",
    );
    await stubborn.says('up');
    stubborn.child.kill('SIGTERM');
    stubborn.child.kill('SIGUSR1');
    await stubborn.says('usr');
    stubborn.hear('bye\n');
    expect(await stubborn.end()).toMatchObject({ code: 0, stdout: 'up\nusr\nbye\n' });
    const meek = new Program(site, 'echo up; exec sleep 300');
    await meek.says('up');
    meek.child.kill('SIGTERM');
    expect(await meek.child.exited).toBe(143);
  });

  test('an interactive program on a terminal: typed lines, its size, Ctrl-C once', async () => {
    let shown = '';
    const script =
      "n=0; trap 'n=$((n+1)); echo int$n' INT; " +
      'stty size; test -t 0 && test -t 1 && test -t 2 && echo tty; ' +
      'while :; do read line && break; done; ' +
      'echo "hello $line"; exit 5';
    const child = Bun.spawn([executable(), 'exec', '--app', 'App', '--', 'sh', '-c', script], {
      cwd: site.path,
      env: { ...process.env, ...site.env },
      terminal: {
        cols: 71,
        rows: 17,
        data: (_, data) => (shown += new TextDecoder().decode(data)),
      },
    });
    await until(() => shown.includes('tty'), 'the program is up', 30_000);
    child.terminal?.write('\x03');
    await until(() => shown.includes('int1'), 'Ctrl-C arrived', 30_000);
    child.terminal?.write('anna\r');
    expect(await child.exited).toBe(5);
    await until(() => shown.includes('hello anna'), 'the program answered', 30_000);
    expect(shown).toContain('17 71');
    expect(shown).not.toContain('int2');
    child.terminal?.close();
  });

  test('the server is killed and started again: the program sees nothing of it', async () => {
    const program = new Program(site, 'echo up; read x; echo "still $x"; exit 9');
    await program.says('up');
    const before = await holders();
    await server.kill();
    server = await site.serve();
    expect(await holders()).toEqual(before);
    program.hear('here\n');
    expect(await program.end()).toEqual({ code: 9, stdout: 'up\nstill here\n', stderr: '' });
  });

  test('every seat is back', async () => {
    expect(await holders()).toEqual([]);
  });
});

/** Ids of the seats of App in use. */
async function holders(): Promise<unknown[]> {
  const status = await site.ask(['status', '--application', 'App']);
  const [license] = status['licenses'] as ShownLicense[];
  const listed = status['authorizations'] as { id: string; count: number }[];
  expect(license?.inUse).toBe(listed.reduce((sum, { count }) => sum + count, 0));
  return listed.map(({ id }) => id);
}
