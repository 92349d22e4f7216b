/** The rules of the house (STYLE.md) that a machine can check. Each names what it finds. */
import type { Import, Source } from './source.ts';

export interface Rule {
  /** What holds where nothing is found. */
  readonly name: string;
  readonly appliesTo: (path: string) => boolean;
  /** What breaks the rule, in words, each with its line where it has one. */
  readonly find: (source: Source, sources: ReadonlyMap<string, Source>) => string[];
}

const inSources = (path: string) => /^(src|bin)\//.test(path);
const inIo = (path: string) => path.startsWith('src/engine/io/');
const inCore = (path: string) => path.startsWith('src/engine/') && !inIo(path);

/** commands -> net -> engine: a folder imports only itself and those to its right. */
const LAYERS = ['src/commands/', 'src/net/', 'src/engine/'];

const layers: Rule = {
  name: 'imports run commands -> net -> engine, and src imports nothing else of the project',
  appliesTo: (path) => path.startsWith('src/'),
  find: ({ path, imports }) => {
    const own = layerOf(path);
    const wrong = imports.filter(({ specifier, target }) => {
      if (!specifier.startsWith('.') || target === 'package.json') return false;
      return layerOf(target) < own;
    });
    return wrong.map(importWords);
  },
};

/** The higher, the further right; what is none of them is left of all. */
function layerOf(path: string): number {
  return LAYERS.findIndex((layer) => path.startsWith(layer));
}

const wiring: Rule = {
  name: 'only commands, which wire processes, import src/engine/io',
  appliesTo: (path) => path.startsWith('src/') && !path.startsWith('src/commands/') && !inIo(path),
  find: ({ imports }) => imports.filter(({ target }) => inIo(target)).map(importWords),
};

/** What is not here is not pure, or not known to be. The names that may be had; null: all. */
const PURE_PACKAGES: Readonly<Record<string, RegExp | null>> = {
  canonicalize: null,
  msgpackr: null,
  'msgpackr/index-no-eval': null,
  'node:crypto':
    /^(hash|create(Hash|Hmac|PublicKey|PrivateKey)|KeyObject|sign|timingSafeEqual|verify)$/,
  'node:net': /^isIP(v4|v6)?$/,
  'smol-toml': null,
};

const purePackages: Rule = {
  name: 'the core imports only itself and packages that are pure functions',
  appliesTo: inCore,
  find: ({ imports }) => {
    return imports.filter((one) => !one.specifier.startsWith('.') && !isPure(one)).map(importWords);
  },
};

function isPure({ specifier, names }: Import): boolean {
  if (!Object.hasOwn(PURE_PACKAGES, specifier)) return false;
  const allowed = PURE_PACKAGES[specifier] ?? null;
  if (allowed === null) return true;
  const imported = names.replaceAll(/\btype\b|[{}]/g, '').split(',');
  const plain = imported.map((name) => name.replace(/\sas\s.*$/s, '').trim()).filter(Boolean);
  return plain.length > 0 && plain.every((name) => allowed.test(name));
}

const pureCore: Rule = {
  name: 'the core knows no clock, chance, timer, process or promise',
  appliesTo: inCore,
  find: ({ code }) =>
    matches(
      code,
      /\bawait\b|\bDate\.now\b|\bnew Date\(\s*\)|(?<!new )(?<!\.)\bDate\(|\bMath\.random\b|(?<![.\w])(?:performance|process|console|crypto|Bun)\.|(?<![.\w])(?:setTimeout|setInterval|setImmediate|queueMicrotask|fetch)\b/g,
    ),
};

/** What Node lacks, as nobody who uses the client library can be asked to run Bun. */
const client: Rule = {
  name: 'the client library, with all that it imports, runs on Node and keeps off engine/io',
  appliesTo: (path) => path.startsWith('src/net/client/'),
  find: (source, sources) => {
    return [...reach(source, sources)].flatMap(({ path, code, imports }) => {
      const wrong = imports.filter(({ target }) => inIo(target) || /^bun($|:)/.test(target));
      const found = [
        ...wrong.map(importWords),
        ...matches(code, /(?<![.\w])Bun\.|\bimport\.meta\.(?:dir|file|path|main|env)\b/g),
      ];
      return found.map((words) => (path === source.path ? words : `${path}: ${words}`));
    });
  },
};

/** The file and all that it imports, directly or not. */
function reach(
  source: Source,
  sources: ReadonlyMap<string, Source>,
  seen: Set<Source> = new Set(),
): Set<Source> {
  if (seen.has(source)) return seen;
  seen.add(source);
  for (const { target } of source.imports) {
    const next = sources.get(target);
    if (next !== undefined) reach(next, sources, seen);
  }
  return seen;
}

const LINES_MAX = 400;
const COLUMNS_MAX = 100;

const short: Rule = {
  name: `a file has at most ${LINES_MAX} lines, of at most ${COLUMNS_MAX} columns`,
  appliesTo: inSources,
  find: ({ text }) => {
    const lines = text.trimEnd().split('\n');
    const wide = lines.flatMap((line, at) => {
      const columns = [...line].length;
      return columns > COLUMNS_MAX ? [`line ${at + 1}: ${columns} columns`] : [];
    });
    return [...(lines.length > LINES_MAX ? [`${lines.length} lines`] : []), ...wide];
  },
};

const noAny: Rule = {
  name: 'no type is any, and no check of types is silenced',
  appliesTo: inSources,
  find: ({ code, text }) => [
    ...matches(code, /(?<![.\w$])any(?!\s*\??:)(?![\w$(])/g),
    ...matches(text, /@ts-(?:ignore|nocheck|expect-error)/g),
  ],
};

const finished: Rule = {
  name: 'nothing is left to do in a comment',
  appliesTo: inSources,
  find: ({ text }) => matches(text, /\b(?:TODO|FIXME)\b/g),
};

export const RULES: readonly Rule[] = [
  layers,
  wiring,
  purePackages,
  pureCore,
  client,
  short,
  noAny,
  finished,
];

function importWords({ specifier, names }: Import): string {
  return `imports ${names === '' ? '' : `${names.replaceAll(/\s+/g, ' ')} from `}${specifier}`;
}

/** What the pattern finds, with its line. */
export function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(({ 0: found, index }) => {
    return `line ${text.slice(0, index).split('\n').length}: ${found.trim()}`;
  });
}
