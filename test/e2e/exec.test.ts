/** `lm exec` around real programs (issue 2, "Real input"): lm is not to be noticed. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { until } from '../client/until.ts';
import { executable } from './executable.ts';
import type { ShownLicense } from './seat-book.ts';
import type { Server } from './server.ts';
import { Site } from './site.ts';

const site = new Site();
/** Has a server that is killed, so that its seats are lost. */
const doomed = new Site();
let server: Server;
let slow: Promise<{ abandoned: Abandoned; lost: Lost }>;

/** The shortest lifetime there is: what waits for it to pass waits together. */
const SHORT = ['--key-lifetime', '26s'];
const LIFETIME_MS_BOUND = 60_000;

beforeAll(async () => {
  const licenses = [
    { application: 'App', limit: 50 },
    { application: 'Short', limit: 1, terms: SHORT },
    { application: 'Brief', limit: 1, terms: SHORT },
    { application: 'None', limit: 1, terms: ['--expires', '2020-01-01'] },
  ];
  await Promise.all([site.found(licenses), doomed.found(licenses)]);
  const [served, dies] = await Promise.all([site.serve(), doomed.serve()]);
  server = served;
  slow = Promise.all([abandon(), lose(dies)]).then(([abandoned, lost]) => ({ abandoned, lost }));
  slow.catch(() => undefined);
});
afterAll(async () => {
  await Promise.all([site.close(), doomed.close()]);
});

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

  test('signals go on to the program; one that ignores SIGTERM lives until it ends by itself', async () => {
    const stubborn = start(
      "trap '' TERM; trap 'echo usr' USR1; echo up; while ! read x; do :; done; echo $x",
    );
    await stubborn.says('up');
    stubborn.child.kill('SIGTERM');
    stubborn.child.kill('SIGUSR1');
    await stubborn.says('usr');
    stubborn.child.stdin.write('bye\n');
    stubborn.child.stdin.end();
    expect(await stubborn.child.exited).toBe(0);
    expect(stubborn.stdout).toBe('up\nusr\nbye\n');
    const meek = start('echo up; exec sleep 300');
    await meek.says('up');
    meek.child.kill('SIGTERM');
    expect(await meek.child.exited).toBe(143);
  });

  test('an interactive program on a terminal: typed lines, its size, Ctrl-C once', async () => {
    let shown = '';
    const script =
      'stty size; test -t 0 && test -t 1 && test -t 2 && echo tty; n=0; ' +
      'trap \'n=$((n+1)); echo int$n\' INT; while :; do read line && break; done; echo "hello $line"; exit 5';
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
    const program = start('echo up; read x; echo "still $x"; exit 9');
    await program.says('up');
    const before = await holders(site, 'App');
    await server.kill();
    server = await site.serve();
    expect(await holders(site, 'App')).toEqual(before);
    program.child.stdin.write('here\n');
    expect(await program.child.exited).toBe(9);
    expect([program.stdout, program.stderr]).toEqual(['up\nstill here\n', '']);
  });

  test('every seat is back', async () => {
    expect(await holders(site, 'App')).toEqual([]);
  });
});

describe('when a lifetime passes', () => {
  test('lm killed with SIGKILL: the program runs on, and the seat comes back', async () => {
    const { abandoned } = await slow;
    expect(abandoned).toEqual({ ranOn: true, counted: 1, after: 0 });
  }, 120_000);

  test('the seat is lost everywhere: SIGTERM, SIGKILL after the grace, exit 79; or a warning', async () => {
    const { lost } = await slow;
    expect(lost.stubborn.code).toBe(79);
    expect(lost.stubborn.stdout).toBe('up\nterm\n');
    expect(lost.stubborn.stderr).toMatch(/^lm: .* The command is being ended\.\n$/);
    expect(lost.warned).toMatchObject({ code: 0, stdout: 'up\ndone\n' });
    expect(lost.warned.stderr).toMatch(/^lm: .* The command runs on without it\.\n$/);
  }, 120_000);
});

interface Abandoned {
  readonly ranOn: boolean;
  readonly counted: number;
  readonly after: number;
}

/** Kills `lm exec` itself, and sees what becomes of its program and of its seat. */
async function abandon(): Promise<Abandoned> {
  const orphan = start('echo $$; exec sleep 300', ['--app', 'Short']);
  await orphan.says('\n');
  const pid = Number(orphan.stdout);
  orphan.child.kill('SIGKILL');
  await orphan.child.exited;
  const ranOn = readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n';
  const counted = (await holders(site, 'Short')).length;
  // Whoever waits in the line gets the seat, once its last holder's lifetime is over.
  const wait = ['request', 'Short', '--wait', `${LIFETIME_MS_BOUND}ms`, '--json'];
  const next = await site.client(wait);
  process.kill(pid, 'SIGKILL');
  const { key } = JSON.parse(next.stdout) as { key: string };
  await site.client(['release', '-'], { stdin: key });
  return { ranOn, counted, after: (await holders(site, 'Short')).length };
}

interface Lost {
  readonly stubborn: { code: number; stdout: string; stderr: string };
  readonly warned: { code: number; stdout: string; stderr: string };
}

/** Kills the only server for good while two programs run. */
async function lose(dies: Server): Promise<Lost> {
  const script = "trap 'echo term' TERM; echo up; while :; do sleep 0.1; done";
  const flags = ['--app', 'Short', '--grace', '300ms'];
  const stubborn = start(script, flags, doomed);
  await stubborn.says('up');
  const more = ['--app', 'Brief', '--on-loss', 'warn'];
  const warned = start('echo up; read x; echo done', more, doomed);
  await warned.says('up');
  await dies.kill();
  const code = await stubborn.child.exited;
  await warned.complains();
  warned.child.stdin.write('\n');
  warned.child.stdin.end();
  const warnedCode = await warned.child.exited;
  await Promise.all([stubborn.drained, warned.drained]);
  return {
    stubborn: { code, stdout: stubborn.stdout, stderr: stubborn.stderr },
    warned: { code: warnedCode, stdout: warned.stdout, stderr: warned.stderr },
  };
}

async function holders(of: Site, application: string): Promise<unknown[]> {
  const status = await of.ask(['status', '--application', application]);
  const [license] = status['licenses'] as ShownLicense[];
  const listed = status['authorizations'] as { id: string; count: number }[];
  expect(license?.inUse).toBe(listed.reduce((sum, { count }) => sum + count, 0));
  return listed.map(({ id }) => id);
}

/** A program under `lm exec` that is talked to while it runs. */
function start(script: string, flags = ['--app', 'App'], at = site) {
  const child = Bun.spawn([executable(), 'exec', ...flags, '--', 'sh', '-c', script], {
    cwd: at.path,
    env: { ...process.env, ...at.env },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const collect = async (stream: ReadableStream<Uint8Array>, name: 'stdout' | 'stderr') => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) program[name] += decoder.decode(chunk, { stream: true });
  };
  const program = {
    child,
    stdout: '',
    stderr: '',
    drained: Promise.resolve() as Promise<unknown>,
    says: (text: string) =>
      until(() => program.stdout.includes(text), `the program says "${text}"`, 30_000),
    complains: () => until(() => program.stderr !== '', 'lm says something', LIFETIME_MS_BOUND),
  };
  program.drained = Promise.all([collect(child.stdout, 'stdout'), collect(child.stderr, 'stderr')]);
  return program;
}
