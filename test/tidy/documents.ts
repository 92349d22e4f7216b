/** Rules about every text of the project: links lead somewhere, and no machine is named. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { matches } from './rules.ts';

export interface Link {
  readonly line: number;
  readonly target: string;
}

/** Links of a Markdown text: inline ones and definitions, but none in code. */
export function linksOf(markdown: string): Link[] {
  const text = markdown
    .replaceAll(/^ {0,3}(```+|~~~+)[\s\S]*?^ {0,3}\1[^\n]*$/gm, keepLines)
    .replaceAll(/`[^`\n]*`/g, keepLines);
  const found = text.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)|^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)/gm);
  return [...found].map(({ 1: inline, 2: defined, index }) => ({
    line: text.slice(0, index).split('\n').length,
    target: inline ?? defined ?? '',
  }));
}

/** Links of the document at `path` that lead to no file of the project, or to no heading of it. */
export function brokenLinks(root: string, path: string, markdown: string): string[] {
  const inside = linksOf(markdown).filter(({ target }) => !/^[a-z][a-z0-9+.-]*:/i.test(target));
  return inside.flatMap(({ line, target }) => {
    const [file = '', anchor = ''] = decodeURIComponent(target).split('#');
    const full = file === '' ? join(root, path) : join(root, dirname(path), file);
    const gone = relative(root, full).startsWith('..') || (file !== '' && !existsSync(full));
    if (gone) return [`line ${line}: ${target}: no such file`];
    const text = file === '' ? markdown : anchor !== '' && isMarkdown(full) ? readFile(full) : null;
    const lost = anchor !== '' && text !== null && !anchorsOf(text).has(anchor);
    return lost ? [`line ${line}: ${target}: no such heading`] : [];
  });
}

/** Headings as their links name them: small letters, no punctuation, hyphens for spaces. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const { 1: heading = '' } of markdown.matchAll(/^#{1,6} +(.*?)(?: +#+)? *$/gm)) {
    const plain = heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, '');
    const slug = plain.trim().replaceAll(' ', '-');
    let name = slug;
    for (let again = 1; anchors.has(name); again += 1) name = `${slug}-${again}`;
    anchors.add(name);
  }
  return anchors;
}

/** Places where the text names a folder that only the machine of its author has. */
export function machinePaths(text: string): string[] {
  return matches(text, FOREIGN);
}

const FOREIGN = /(?<![\w.~$}-])\/(?:work|root)\/|(?<![\w.~$}-])\/tmp\/h[0-9]/g;

function isMarkdown(path: string): boolean {
  return path.endsWith('.md') && statSync(path).isFile();
}

function readFile(path: string): string {
  return readFileSync(path, 'utf8');
}

function keepLines(text: string): string {
  return text.replaceAll(/[^\n]/g, ' ');
}
