/** What `lm exec` keeps, reports and hands on, beside what test/e2e/exec.test.ts sees of it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { until } from '../client/until.ts';
import { executable } from '../e2e/executable.ts';
import type { Server } from '../e2e/server.ts';
import { Site } from '../e2e/site.ts';
import { environment, type Ran, run } from './run-lm.ts';

const site = new Site();
let server: Server;
beforeAll(async () => {
  await site.found([{ application: 'App', limit: 20 }]);
  server = await site.serve();
});
afterAll(() => site.close());

const exec = (flags: readonly string[], ...command: string[]): Promise<Ran> =>
  site.client(['exec', '--app', 'App', ...flags, '--', ...command]);

/** Runs a script in which `$LM` is the executable. */
const shell = (script: string, prefix: readonly string[] = []): Promise<Ran> =>
  run([...prefix, 'bash', '-c', script], {
    cwd: site.path,
    env: { ...site.env, LM: executable() },
  });

const report = (name: string) =>
  JSON.parse(readFileSync(site.file(name), 'utf8')) as Record<string, unknown>;

describe('the report', () => {
  test('tells the seat and the end', async () => {
    const { code, stdout } = await exec(['--report', 'r.json', '-n', '2'], 'sh', '-c', 'exit 4');
    expect([code, stdout]).toEqual([4, '']);
    expect(report('r.json')).toMatchObject({
      ...{ application: 'App', vendor: 'Acme', count: 2, server: 'A', verified: false },
      ...{ exitCode: 4, signal: null, lost: false, released: true },
    });
    expect(Object.values(report('r.json')).join()).not.toContain('lmk1_');
    await exec(['--report', 'r.json'], 'sh', '-c', 'kill -9 $$');
    expect(report('r.json')).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
  });

  test('tells why there was no seat', async () => {
    const flags = ['--version', '2.0', '--denied-exit', '9', '--report', 'denied.json'];
    const { code } = await exec(flags, 'true');
    expect(code).toBe(9);
    expect(report('denied.json')).toMatchObject({
      error: { code: 'version-not-licensed' },
      exitCode: 9,
    });
  });

  test('that can not be written changes no exit code', async () => {
    const { code, stderr } = await exec(['--report', '/nowhere/r.json'], 'true');
    expect(code).toBe(0);
    expect(stderr).toMatch(/^lm: \/nowhere\/r\.json .*\n$/);
  });
});

test('wrong usage is 64, also with --denied-exit', async () => {
  const none = await site.client(['exec', '--app', 'App', '--denied-exit', '9']);
  const flag = await site.client(['exec', '--app', 'App', 'true']);
  const app = await site.client(['exec', '--', 'true']);
  expect([none.code, flag.code, app.code]).toEqual([64, 64, 64]);
});

test("flags behind -- are the command's own", async () => {
  const { code, stdout } = await exec([], 'echo', '--help', '--version', '--json', '-n');
  expect([code, stdout]).toEqual([0, '--help --version --json -n\n']);
});

test('the key file holds a key of the seat while the command runs, readable by nobody else', async () => {
  const script = 'stat -c %a key; "$LM" renew --key-file key && echo renewed';
  const { stdout } = await site.client(
    ['exec', '--app', 'App', '--key-file', 'key', '--', 'sh', '-c', script],
    { env: { LM: executable() } },
  );
  expect(stdout).toBe('600\nrenewed\n');
  expect(existsSync(site.file('key'))).toBe(false);
});

describe('a key file of seats on hold', () => {
  const hold = `umask 077; "$LM" request App -n 3 --hold 1h > held`;

  test('is taken over: the command runs on them, and gives them back', async () => {
    const look = `"$LM" status --json`;
    const script = `${hold}; ${look}; "$LM" exec --app App --key-file held -- ${look}; ${look}`;
    const { code, stdout } = await shell(script);
    const seen = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).licenses[0]);
    expect(code).toBe(0);
    expect(seen[0]).toMatchObject({ held: 3, inUse: 0 });
    expect(seen[1]).toMatchObject({ held: 0, inUse: 3 });
    expect(seen[2]).toMatchObject({ held: 0, inUse: 0, available: 20 });
  });

  test('for another application is refused, and left as it is', async () => {
    await shell(hold);
    const { code, stderr } = await shell(`"$LM" exec --app Other --key-file held -- true`);
    expect([code, stderr]).toEqual([78, expect.stringContaining('held holds a seat of App')]);
    expect((await shell(`"$LM" release --key-file held --json`)).stdout).toContain('true');
  });

  test('that has ended is no help: a seat is asked for', async () => {
    await shell(`${hold}; "$LM" release --key-file held`);
    const { code } = await shell(`"$LM" exec --app App --key-file held -- true`);
    expect(code).toBe(0);
  });
});

describe('what lm was started with, the command has', () => {
  test('descriptors above 2', async () => {
    writeFileSync(site.file('seven'), 'from seven\n');
    const { stdout } = await shell(
      `"$LM" exec --app App -- sh -c 'cat <&7; echo to nine >&9; ls /proc/self/fd | tr "\\n" " "' ` +
        '7<seven 9>nine',
    );
    const [read, listed] = stdout.split('\n');
    expect(read).toBe('from seven');
    // 3 is the folder that ls reads.
    expect(listed?.trim()).toBe('0 1 2 3 7 9');
    expect(readFileSync(site.file('nine'), 'utf8')).toBe('to nine\n');
  });

  test('the limit on open files, and signals that are ignored', async () => {
    const seen = `sh -c 'ulimit -Sn; grep SigIgn /proc/self/status'`;
    const { stdout } = await shell(
      `ulimit -Sn 777; trap '' HUP USR1; "$LM" exec --app App -- ${seen}; echo "rc $?"`,
    );
    // HUP is 1 and USR1 is 10.
    expect(stdout).toBe('777\nSigIgn:\t0000000000000201\nrc 0\n');
  });

  test('umask, directory, environment and arguments as they are', async () => {
    const script = 'umask; pwd; printf "%s|" "$0" "$@"; echo "$ODD"';
    const { stdout } = await shell(
      `umask 027; export ODD=$'a\\nb'; "$LM" exec --app App -- sh -c '${script}' 'x y' '' '*'`,
    );
    expect(stdout).toBe(`0027\n${site.path}\nx y||*|a\nb\n`);
  });

  test('a pipe that blocks: the command finds its descriptors as lm did', async () => {
    const flags = 'grep flags /proc/self/fdinfo/0 /proc/self/fdinfo/1 /proc/self/fdinfo/2';
    const plain = await shell(`true | ${flags} 2>&1 | cat`);
    const under = await shell(`true | "$LM" exec --app App -- ${flags} 2>&1 | cat`);
    expect(under.stdout).toBe(plain.stdout);
  });
});

describe('signals where no terminal sends them', () => {
  test('SIGINT to lm alone reaches the command, once', async () => {
    const child = Bun.spawn(
      [
        ...[executable(), 'exec', '--app', 'App', '--', 'sh', '-c'],
        'trap "echo int" INT; trap "echo quit" QUIT; echo up; while ! read x; do :; done',
      ],
      { env: environment(site.env), stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' },
    );
    let said = '';
    const reading = (async () => {
      for await (const chunk of child.stdout) said += new TextDecoder().decode(chunk);
    })();
    await until(() => said.includes('up'), 'the command is up', 30_000);
    child.kill('SIGINT');
    await until(() => said.includes('int'), 'the command heard SIGINT', 30_000);
    child.kill('SIGQUIT');
    await until(() => said.includes('quit'), 'the command heard SIGQUIT', 30_000);
    child.stdin.write('x\n');
    child.stdin.end();
    expect(await child.exited).toBe(0);
    await reading;
    expect(said).toBe('up\nint\nquit\n');
  });

  test('a signal before the command runs ends the waiting: 128 + n, nothing started', async () => {
    const all = await site.client(['request', 'App', '-n', '20']);
    const command = ['--wait', '60s', '--', 'sh', '-c', 'echo started'];
    const child = Bun.spawn([executable(), 'exec', '--app', 'App', ...command], {
      env: environment(site.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { value } = await child.stderr.getReader().read();
    expect(new TextDecoder().decode(value)).toContain('Waiting for App');
    child.kill('SIGTERM');
    expect(await child.exited).toBe(143);
    expect(await new Response(child.stdout).text()).toBe('');
    const { licenses } = (await site.ask(['status'])) as { licenses: { waiting: number }[] };
    expect(licenses[0]?.waiting).toBe(0);
    await site.client(['release', '-'], { stdin: all.stdout });
  });
});

test('the server is gone at the end: the exit code of the command, without a long wait', async () => {
  const script = 'echo up; read x; exit 6';
  const child = Bun.spawn([executable(), 'exec', '--app', 'App', '--', 'sh', '-c', script], {
    env: environment(site.env),
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  await child.stdout.getReader().read();
  await server.kill();
  child.stdin.write('\n');
  child.stdin.end();
  // Well within the lifetime of the seat, for which it would be tried otherwise.
  expect(await child.exited).toBe(6);
  expect(await new Response(child.stderr).text()).toBe('');
  server = await site.serve();
});

test('a reader that goes away ends the command by SIGPIPE, as without lm', async () => {
  const end = `| head -c 3 >/dev/null; echo "\${PIPESTATUS[0]}"`;
  const plain = await shell(`yes ${end}`);
  const under = await shell(`"$LM" exec --app App -- yes ${end}`);
  expect([plain.stdout, under.stdout]).toEqual(['141\n', '141\n']);
});
