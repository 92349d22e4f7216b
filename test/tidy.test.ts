/**
 * The code base keeps its own rules (STYLE.md, DESIGN section 3). Each rule is also shown code that
 * breaks it, and must say so: a rule that can't fail is none.
 */
import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { brokenLinks, linksOf, machinePaths } from './tidy/documents.ts';
import { PLANTED } from './tidy/planted.ts';
import { RULES, type Rule } from './tidy/rules.ts';
import { readSource, type Source } from './tidy/source.ts';

const ROOT = join(import.meta.dir, '..');
/** What others made, or what is made from the rest. */
const FOREIGN = new Set(['.git', 'node_modules', 'dist', 'results', 'package-lock.json']);

const texts = textsIn(ROOT);
const sources = sourcesOf(texts);

describe('the code base', () => {
  test('is seen', () => {
    for (const path of ['src/engine/core.ts', 'src/net/client/index.ts', 'bin/lm.ts']) {
      expect([...sources.keys()]).toContain(path);
    }
    expect([...texts.keys()]).toContain('README.md');
    const core = sources.get('src/engine/core.ts');
    expect(core?.imports.length).toBeGreaterThan(0);
  });

  for (const rule of RULES) {
    test(rule.name, () => {
      const found = [...sources.values()].flatMap((source) => judged(rule, source, sources));
      expect(found).toEqual([]);
    });
  }

  test('has no Markdown link that leads nowhere', () => {
    const documents = [...texts].filter(([path]) => path.endsWith('.md'));
    const found = documents.flatMap(([path, text]) => {
      return brokenLinks(ROOT, path, text).map((words) => `${path}, ${words}`);
    });
    expect(documents.length).toBeGreaterThan(0);
    expect(found).toEqual([]);
  });

  test('names no folder of the machine that it was written on', () => {
    const found = [...texts].flatMap(([path, text]) => {
      return machinePaths(text).map((words) => `${path}, ${words}`);
    });
    expect(found).toEqual([]);
  });
});

describe('a planted violation is found:', () => {
  test('every rule has one', () => {
    const unproven = RULES.filter(({ name }) => !PLANTED.some(({ rule }) => name.startsWith(rule)));
    expect(unproven.map(({ name }) => name)).toEqual([]);
  });

  for (const { rule: beginning, bad, good } of PLANTED) {
    const rule = RULES.find(({ name }) => name.startsWith(beginning));
    if (rule === undefined) throw new Error(`no rule begins with ${beginning}`);

    test(rule.name, () => {
      const missed = bad.filter((files) => judgedFirst(rule, files).length === 0);
      expect(missed, 'breaks the rule, and is not found').toEqual([]);
      const blamed = good.flatMap((files) => judgedFirst(rule, files));
      expect(blamed, 'keeps the rule, and is blamed').toEqual([]);
    });
  }

  test('a link that leads nowhere', () => {
    const broken = [
      'See [this](no-such-file.md).',
      'See [this](docs/no-such-file.md "title").',
      '[this]: no-such-file.md',
      '# One\n[two](#two)',
      '[out](../../../etc/passwd)',
      '[x](README.md#no-such-heading-anywhere)',
    ];
    for (const text of broken) expect(brokenLinks(ROOT, 'X.md', text), text).toHaveLength(1);
    const sound = [
      'See [this](README.md) and [that](https://example.com/no-such-file.md).',
      '# One `two`, three\n[there](#one-two-three)\n## Again\n## Again\n[second](#again-1)',
      '```\n[x](no-such-file.md)\n```\nand `[y](no-such-file.md)`',
    ];
    for (const text of sound) expect(brokenLinks(ROOT, 'X.md', text), text).toEqual([]);
    expect(
      linksOf('a\n[b](c.md) [d](<e.md>)\n').map(({ line, target }) => `${line} ${target}`),
    ).toEqual(['2 c.md', '2 e.md']);
  });

  test('a folder of the machine', () => {
    // Put together here, or this file would be found itself.
    const [work, root, helper] = ['work', 'root', 'tmp/h1'].map((name) => `/${name}/`);
    expect(machinePaths(`see ${work}main`)).toEqual([`line 1: ${work}`]);
    expect(machinePaths(`\n"${root}x" ${helper}`)).toHaveLength(2);
    expect(machinePaths(`net${work} and src${root}x, /tmp/here, $HOME${work}`)).toEqual([]);
  });
});

describe('a source is taken apart', () => {
  const codeOf = (text: string) => readSource('x.ts', text).code.replaceAll(/\s+/g, ' ').trim();

  test('into code, without comments, texts and regular expressions', () => {
    expect(codeOf("a('b // c'); /* d\n'e */ f // g")).toBe('a( ); f');
    expect(codeOf('a = `b ${c + `d ${e}` + {f: 1}} g` + h')).toBe(
      'a = ` ${c + ` ${e}` + {f: 1}} ` + h',
    );
    expect(codeOf('a = b / c / d; e(/[/"]\\//g, f)')).toBe('a = b / c / d; e( , f)');
    expect(codeOf("return /a'b/.test(c) && d[0] / 2")).toBe('return .test(c) && d[0] / 2');
  });

  test('with lines where they were, and nothing lost', () => {
    for (const { text, code } of sources.values()) {
      expect(code.length).toBe(text.length);
      expect(code.split('\n').length).toBe(text.split('\n').length);
    }
  });
});

function judged(rule: Rule, source: Source, all: ReadonlyMap<string, Source>): string[] {
  if (!rule.appliesTo(source.path)) return [];
  return rule.find(source, all).map((words) => `${source.path}: ${words}`);
}

function judgedFirst(rule: Rule, files: Readonly<Record<string, string>>): string[] {
  const planted = sourcesOf(new Map(Object.entries(files)));
  const [first] = planted.values();
  return first === undefined ? [] : judged(rule, first, planted);
}

function sourcesOf(files: ReadonlyMap<string, string>): Map<string, Source> {
  const code = [...files].filter(([path]) => /^(src|bin)\/.*\.(ts|mjs)$/.test(path));
  return new Map(code.map(([path, text]) => [path, readSource(path, text)]));
}

/** Every text of the project by its path from `folder`; what holds a zero byte is no text. */
function textsIn(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (directory: string) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (FOREIGN.has(entry.name)) continue;
      const path = join(directory, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) found.set(relative(folder, path), readFileSync(path, 'utf8'));
    }
  };
  visit(folder);
  return new Map([...found].filter(([, text]) => !text.includes('\0')).sort());
}
