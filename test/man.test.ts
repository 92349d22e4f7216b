/** The manual pages say what the commands say, and are well-formed. */
import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { manualPages } from '../bin/man/pages.ts';
import { bold, example, literal, prose } from '../bin/man/roff.ts';
import { EXIT_CODES } from '../src/engine/errors.ts';

const root = join(import.meta.dir, '..');
const folder = join(root, 'man');
const RENEW = 'The manual pages are out of step with the commands: run `npm run man`.';
const NO_EMPHASIS = { bold: [], italic: [] };

const pages = await manualPages();
const mandoc = Bun.which('mandoc');

describe('man/', () => {
  test('holds every page as it is made now', () => {
    const stale = [...pages].filter(([name, text]) => readOrNothing(name) !== text);
    expect(
      stale.map(([name]) => name),
      RENEW,
    ).toEqual([]);
  });

  test('holds no page of a command that is gone', () => {
    const left = readdirSync(folder).filter((name) => !pages.has(name));
    expect(left, RENEW).toEqual([]);
  });

  test('comes out equal when made again', async () => {
    expect(await manualPages()).toEqual(pages);
  });

  test.skipIf(mandoc === null)('passes mandoc -T lint (skipped where there is none)', () => {
    const files = [...pages.keys()].map((name) => join(folder, name));
    const lint = Bun.spawnSync([mandoc ?? '', '-T', 'lint', '-W', 'warning', ...files]);
    expect(String(lint.stdout) + String(lint.stderr)).toBe('');
    expect(lint.exitCode).toBe(0);
  });

  test.skipIf(mandoc === null)('mandoc finds what is wrong with a page that is', () => {
    const page = Buffer.from(`${pages.get('lm.1')}.PP\n.NOSUCHMACRO\n`);
    const lint = Bun.spawnSync([mandoc ?? '', '-T', 'lint', '-W', 'warning'], { stdin: page });
    expect(lint.exitCode).not.toBe(0);
  });
});

describe('lm(1)', () => {
  const overview = pages.get('lm.1') ?? '';

  test('describes every LM_ variable of the sources', () => {
    const named = new Set<string>();
    for (const path of new Bun.Glob('src/**/*.ts').scanSync(root)) {
      for (const [name] of readFileSync(join(root, path), 'utf8').matchAll(/\bLM_[A-Z_]+\b/g)) {
        named.add(name);
      }
    }
    const environment = overview.slice(overview.indexOf('.SH ENVIRONMENT'));
    const missing = [...named].filter((name) => !environment.includes(`.TP\n${bold(name)}\n`));
    expect(named.size).toBeGreaterThan(5);
    expect(missing, 'Add them to ENVIRONMENT in bin/man/overview.ts.').toEqual([]);
  });

  test('names every error code', () => {
    const missing = Object.keys(EXIT_CODES).filter((code) => !overview.includes(bold(code)));
    expect(missing).toEqual([]);
  });
});

describe('text becomes man(7) source', () => {
  test('that is no request, no escape and keeps its dashes and quotes', () => {
    expect(literal(".it's -a \\ `b` ^~")).toBe('\\&.it\\(aqs \\-a \\e \\(gab\\(ga \\(ha\\(ti');
    expect(prose(".dot\n\n'quote", NO_EMPHASIS)).toEqual(['\\&.dot', '.PP', "\\&'quote"]);
    expect(prose('a\\b … 😀', NO_EMPHASIS)).toEqual(['a\\eb \\[u2026] \\[u1F600]']);
  });

  test('with options, variables, commands and values standing out', () => {
    const emphasis = { bold: ['lm rlf add', 'lm rlf'], italic: ['FILE', 'HOST:PORT', 'HOST'] };
    expect(prose('Use `lm code` or lm rlf add --key FILE.', emphasis)).toEqual([
      'Use \\fBlm code\\fR or \\fBlm rlf add\\fR \\fB\\-\\-key\\fR \\fIFILE\\fR.',
    ]);
    expect(prose('PROFILE at HOST:PORT, LM_KEY well-known -n', emphasis)).toEqual([
      'PROFILE at \\fIHOST:PORT\\fR, \\fBLM_KEY\\fR well-known \\fB\\-n\\fR',
    ]);
  });

  test('one sentence a line', () => {
    expect(prose('One. Two: 3.5 of\nit? Yes.', NO_EMPHASIS)).toEqual([
      'One.',
      'Two: 3.5 of it?',
      'Yes.',
    ]);
  });

  test('and a long example goes on in the next line', () => {
    const typed = `lm request ${'x'.repeat(50)} --wait 1h --vendor ${'y'.repeat(50)}`;
    const lines = example(typed).slice(3, -2);
    expect(lines.length).toBeGreaterThan(1);
    const joined = lines.map((line) => line.replaceAll('\\-', '-').trim()).join(' ');
    expect(joined.replaceAll(' \\e ', ' ')).toBe(typed);
  });
});

function readOrNothing(name: string): string {
  try {
    return readFileSync(join(folder, name), 'utf8');
  } catch {
    return '';
  }
}
