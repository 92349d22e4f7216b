/** What all pages share: their heading, and the link to another page. */
import pjson from '../../package.json' with { type: 'json' };
import { type Block, bold, literal } from './roff.ts';

/** Of the text, not of the run: the pages must come out equal whenever they are made. */
const DATE = '2026-11-24';

/** `rlf:add` is described in `lm-rlf-add`, and run as `lm rlf add`. */
export function pageName(id: string): string {
  return `lm-${id.replaceAll(':', '-')}`;
}

export function spoken(id: string): string {
  return `lm ${id.replaceAll(':', ' ')}`;
}

export function heading(name: string): Block {
  const title = `.TH ${literal(name.toUpperCase())} 1 ${DATE} "lm ${pjson.version}" "lm manual"`;
  const origin = '.\\" Made by `npm run man` from the commands themselves; do not edit.';
  // Neither hyphenated nor spread to the margin: most words here are to be typed as they stand.
  return [origin, title, '.nh', '.ad l'];
}

/** The pages by name, as the last section of another lists them. */
export function seeAlso(names: readonly string[]): Block {
  const links = names.map((name) => `${bold(name)}(1)`);
  return links.map((link, at) => (at + 1 < links.length ? `${link},` : link));
}
