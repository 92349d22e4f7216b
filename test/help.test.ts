/** Every command explains itself (CLI.md), and what it says does not change unnoticed. */
import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { examplesOf } from '../bin/man/command-page.ts';
import { COMMANDS, commandsFor } from '../src/commands/registry.ts';
import { environment, LM, run } from './commands/run-lm.ts';
import { executable } from './e2e/executable.ts';
import { parseOnly } from './help/parse-only.ts';
import { invocations } from './help/shell-words.ts';
import { differing, REWRITE, read } from './help/snapshots.ts';

setDefaultTimeout(60_000);

const FOLDER = join(import.meta.dir, 'help');
const WIDE = { OCLIF_COLUMNS: '80' };

/** Commands that print no data of their own, and why they have no `--json`. */
const WITHOUT_JSON: Readonly<Record<string, string>> = {
  dev: 'a display for people, until it is interrupted',
  exec: "standard output is the command's: its JSON goes to --report",
  help: 'text for people',
  'pool:card': 'prints a card, which is a document by itself',
  'rlf:template': 'prints an RLF',
  serve: 'prints one line once it serves; its log is JSON',
  session: 'speaks JSON lines',
};

const commands = await commandsFor([]);
const ids = Object.keys(commands).sort();
const topics = [
  ...new Set(ids.filter((id) => id.includes(':')).map((id) => id.split(':')[0] ?? '')),
];

describe('the help of every command and topic', () => {
  test('is as kept in test/help', async () => {
    const differences = differing(FOLDER, new Map([['tree.txt', tree()], ...(await helpTexts())]));
    expect(differences, REWRITE).toEqual([]);
  });

  test('fits 80 columns, but for examples and the line that says what lm is', async () => {
    const long: string[] = [];
    for (const [name, text] of await helpTexts()) {
      const prose = text.slice(text.indexOf('\n')).split('\nEXAMPLES\n')[0] ?? '';
      long.push(
        ...prose
          .split('\n')
          .filter((line) => line.length > 80)
          .map((line) => name + line),
      );
    }
    expect(long).toEqual([]);
  });
});

describe('help is had by', () => {
  for (const argv of [
    ['rlf', 'add', '--help'],
    ['rlf', 'add', '-h'],
    ['help', 'rlf', 'add'],
  ]) {
    test(`lm ${argv.join(' ')}`, async () => {
      const { code, stdout } = await run([...LM, ...argv], { env: WIDE });
      expect(stdout).toBe(read(FOLDER, 'rlf-add.txt'));
      expect(code).toBe(0);
    });
  }

  for (const argv of [[], ['help'], ['--help']]) {
    test(`lm ${argv.join(' ')}`, async () => {
      const { code, stdout } = await run([...LM, ...argv], { env: WIDE });
      expect(anonymous(stdout)).toBe(read(FOLDER, 'lm.txt'));
      expect(code).toBe(0);
    });
  }

  test('the executable, which has no commands on disk', async () => {
    const { code, stdout } = await run([executable(), 'help', 'rlf', 'add'], { env: WIDE });
    expect(stdout).toBe(read(FOLDER, 'rlf-add.txt'));
    expect(code).toBe(0);
  });

  test('lm help, of a command that there is none of: exit 64', async () => {
    const { code, stdout, stderr } = await run([...LM, 'help', 'nonsense']);
    expect(stderr).toContain('nonsense');
    expect(stdout).toBe('');
    expect(code).toBe(64);
  });

  test('everything after -- belongs to the command that lm exec runs', async () => {
    const { code } = await run([...LM, 'exec', '--app', 'A', '--', 'true', '--help'], {
      env: { LM_POOL: '/nonexistent.pool' },
    });
    expect(code).toBe(78);
  });
});

test('a command may be called like a property that every object has', async () => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    const { code, stderr } = await run([...LM, name]);
    expect(stderr).toContain('not found');
    expect(code).toBe(64);
  }
});

for (const id of ids) describe(`lm ${id.replace(':', ' ')}`, () => inspect(id));

function inspect(id: string): void {
  const command = commands[id];
  if (command === undefined) throw new Error(`there is no command ${id}`);
  const { summary = '', description = '', flags = {}, args = {} } = command;

  test('has a summary, a description and a file of its name', () => {
    expect(summary).toMatch(/^[A-Z].*[^.]$/);
    expect(description).not.toBe(summary);
    expect(description.trim()).toMatch(/\.$|^$/);
    expect(String(COMMANDS[id])).toContain(`./${id.replace(':', '/')}.ts`);
  });

  test('says what each flag and argument is', () => {
    const described = [...Object.entries(flags), ...Object.entries(args)];
    for (const [name, { description: text = '' }] of described) {
      expect(`${name}: ${text}`).toMatch(/: ["A-Z].*\.$/);
    }
    for (const [name, flag] of Object.entries(flags)) {
      const named = flag.type === 'boolean' || flag.helpValue !== undefined;
      expect(named || (flag.options ?? []).length > 0, `--${name} names its value`).toBe(true);
    }
  });

  test('takes --json where it prints data', () => {
    expect('json' in flags, WITHOUT_JSON[id] ?? 'prints data').toBe(!(id in WITHOUT_JSON));
  });

  test('has examples that it understands', async () => {
    const calls = examplesOf(command).map((text) => ({ text, calls: invocations(text) }));
    expect(calls.flatMap(({ calls: found }) => found).length).toBeGreaterThan(0);
    for (const { text, calls: found } of calls) {
      expect(found.length, `${text}: calls lm`).toBeGreaterThan(0);
      for (const { argv, env } of found) await parsedOrWhy(argv, env);
    }
  });
}

/** Fails with the words of the parser where a command does not understand its command line. */
async function parsedOrWhy(argv: readonly string[], env: Readonly<Record<string, string>>) {
  const words = argv.map((word) => (/^ed25519:…$|\.pub$/.test(word) ? PUBLIC_KEY : word));
  const length = COMMANDS[words.slice(0, 2).join(':')] === undefined ? 1 : 2;
  const command = commands[words.slice(0, length).join(':')];
  const said = `lm ${argv.join(' ')}`;
  expect(command, said).toBeDefined();
  if (command === undefined) return;
  const why = await parseOnly(command, { argv: words.slice(length), env }).then(
    () => '',
    (error: unknown) => String(error),
  );
  expect(why, said).toBe('');
}

/** Of no key in particular: examples name files of keys, which are not here. */
const PUBLIC_KEY = `ed25519:${Buffer.alloc(32, 7).toString('base64url')}`;

describe('examples are taken apart as a shell would', () => {
  const calls = (text: string) => invocations(text).map(({ argv }) => argv.join(' '));

  test('pipelines, substitutions, assignments, quotes and redirections', () => {
    expect(calls('KEY=$(lm request A) && echo "$KEY" | lm release -')).toEqual([
      'request A',
      'release -',
    ]);
    expect(calls('(echo \'{"op":"lm x"}\'; ./run >&2) | lm session')).toEqual(['session']);
    expect(calls("lm exec -- sh -c 'a | lm b > c' < in > out")).toEqual([
      'exec -- sh -c a | lm b > c',
    ]);
    expect(invocations('LM_KEY=$KEY lm release')).toEqual([
      { argv: ['release'], env: { LM_KEY: '$KEY' } },
    ]);
  });

  test('and one that the command would refuse is found', async () => {
    const refused = ['request', 'request A --nosuchflag', 'request A -n 0', 'request A B'];
    for (const line of refused) {
      const [, ...argv] = line.split(' ');
      const command = commands['request'];
      if (command === undefined) throw new Error('there is no command request');
      await expect(parseOnly(command, { argv, env: {} }), line).rejects.toThrow();
    }
  });
});

function tree(): string {
  const width = Math.max(...ids.map((id) => id.length));
  const lines = ids.map((id) => {
    return `lm ${id.replace(':', ' ').padEnd(width)}  ${commands[id]?.summary}\n`;
  });
  return lines.join('');
}

/** By the name of the file that keeps it; `lm` is what lm says without a command. */
async function helpTexts(): Promise<Map<string, string>> {
  const lines = ['', ...topics, ...ids.filter((id) => id !== 'help')].sort();
  const child = Bun.spawn(
    [process.execPath, join(FOLDER, 'print-help.ts'), JSON.stringify(lines)],
    { env: environment(WIDE), stdin: 'ignore', stdout: 'pipe', stderr: 'inherit' },
  );
  const parts = (await new Response(child.stdout).text()).split('\f').slice(1);
  const texts = parts.map((part): [string, string] => {
    const end = part.indexOf('\n');
    const name = part.slice(0, end).replace(':', '-') || 'lm';
    return [`${name}.txt`, anonymous(part.slice(end + 1))];
  });
  expect(texts.length).toBe(lines.length);
  return new Map(texts);
}

/** Without what differs from machine to machine. */
function anonymous(text: string): string {
  return text.replace(/^ {2}lm\/\S+ \S+ \S+$/m, '  lm/VERSION');
}
