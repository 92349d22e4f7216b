/**
 * A source file as the rules see it: its code without comments and texts, and what it imports, be it
 * for types alone. A scanner of our own: no parser for TypeScript 7 is at hand, and all that has to
 * be told apart is code, comments, texts and regular expressions.
 */
import { dirname, join } from 'node:path/posix';

export interface Import {
  /** As written: a path from this file, or the name of a package. */
  readonly specifier: string;
  /** The path from the root of the project where it is one of its files, else the name. */
  readonly target: string;
  /** What stands between `import` and `from`, or nothing. */
  readonly names: string;
}

export interface Source {
  /** From the root of the project. */
  readonly path: string;
  readonly text: string;
  /** The text with blanks for comments, texts and regular expressions. Lines stay lines. */
  readonly code: string;
  readonly imports: readonly Import[];
}

export function readSource(path: string, text: string): Source {
  const tokens = scan(text);
  const code = tokens.map(({ kind, text: part }) => (kind === 'code' ? part : blank(part)));
  return { path, text, code: code.join(''), imports: importsOf(path, tokens) };
}

interface Token {
  readonly kind: 'code' | 'comment' | 'text' | 'regex';
  readonly text: string;
}

function scan(text: string): Token[] {
  const tokens: Token[] = [];
  /** For each template that is open, how many braces are open in its substitution. */
  const open: number[] = [];
  let at = 0;
  let before = '';
  const take = (kind: Token['kind'], length: number) => {
    const part = text.slice(at, at + length);
    tokens.push({ kind, text: part });
    if (kind !== 'comment' && part.trim() !== '') before = part;
    at += length;
  };
  while (at < text.length) {
    const next = text[at] ?? '';
    const depth = open.at(-1);
    if (next === '`' || (next === '}' && depth === 0)) {
      if (next === '}') open.pop();
      take('code', 1);
      take('text', lengthAt(TEMPLATE, text, at));
      if (text[at] === '$') open.push(0);
      take('code', text[at] === '$' ? 2 : 1);
      continue;
    }
    if (depth !== undefined && next === '{') open[open.length - 1] = depth + 1;
    if (depth !== undefined && next === '}') open[open.length - 1] = depth - 1;
    const comment = lengthAt(COMMENT, text, at);
    const quoted = lengthAt(QUOTED, text, at);
    const regex = BEFORE_REGEX.test(before) ? lengthAt(REGEX, text, at) : 0;
    if (comment > 0) take('comment', comment);
    else if (quoted > 0) take('text', quoted);
    else if (regex > 0) take('regex', regex);
    else take('code', lengthAt(WORD, text, at) || 1);
  }
  return tokens;
}

function lengthAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0].length ?? 0;
}

function blank(text: string): string {
  return text.replaceAll(/[^\n]/g, ' ');
}

/** Every text behind `from`, `import`, `import(`, `require(` or `import.meta.resolve(`. */
function importsOf(path: string, tokens: readonly Token[]): Import[] {
  const found: Import[] = [];
  let code = '';
  for (const { kind, text } of tokens) {
    if (kind === 'text' && BEFORE_SPECIFIER.test(code)) {
      const specifier = text.replaceAll(/^['"]|['"]$/g, '');
      const names = /.*\b(?:import|export)\b([^;]*?)\bfrom\s*$/s.exec(code)?.[1]?.trim() ?? '';
      found.push({ specifier, target: targetOf(path, specifier), names });
      code = '';
    }
    code = kind === 'code' ? (code + text).slice(-CODE_KEPT) : `${code} `;
    if (code.endsWith(';')) code = '';
  }
  return found;
}

function targetOf(path: string, specifier: string): string {
  return specifier.startsWith('.') ? join(dirname(path), specifier) : specifier;
}

/** The names of one import are no longer than this. */
const CODE_KEPT = 4_000;
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const QUOTED = /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/y;
const TEMPLATE = /(?:\\[\s\S]|\$(?!\{)|[^\\`$])*/y;
const REGEX = /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
const WORD = /[\w$]+/y;
/** A slash after these begins a regular expression; after anything else it divides. */
const BEFORE_REGEX =
  /^(?:|[(,=:[!&|?{};+\-*%<>~^]|return|typeof|case|in|of|await|yield|void|delete)$/;
const BEFORE_SPECIFIER =
  /(?:\bfrom|\bimport|\b(?:import|require|import\.meta\.resolve)\s*\(\s*`?)\s*$/;
