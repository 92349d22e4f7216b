/** Text as man(7) source: escaped, with the fonts that manual pages use, one sentence a line. */

/** A page is a list of lines; blocks are joined in order. */
export type Block = readonly string[];

/** What stands out in running text, beside options, variables and words in backticks. */
export interface Emphasis {
  /** Printed bold, such as names of commands. */
  readonly bold: readonly string[];
  /** Printed italic: names of values. */
  readonly italic: readonly string[];
}

/** Text as such: nothing in it is taken for a request, an escape or a typographic character. */
export function literal(text: string): string {
  return withoutRequest(
    text
      .replaceAll('\\', '\\e')
      .replaceAll('-', '\\-')
      .replaceAll("'", '\\(aq')
      .replaceAll('`', '\\(ga')
      .replaceAll('^', '\\(ha')
      .replaceAll('~', '\\(ti')
      .replaceAll(/[^\0-\x7e]/gu, unicode),
  );
}

export function bold(text: string): string {
  return `\\fB${literal(text)}\\fR`;
}

export function italic(text: string): string {
  return `\\fI${literal(text)}\\fR`;
}

/** Running text: paragraphs are parted by an empty line, other line ends are spaces. */
export function prose(text: string, emphasis: Emphasis): Block {
  return text
    .trim()
    .split(/\n\s*\n/)
    .flatMap((paragraph, at) => {
      const sentences = paragraph.replaceAll(/\s+/g, ' ').split(SENTENCE_END);
      const lines = sentences.map((sentence) => withoutRequest(emphasized(sentence, emphasis)));
      return at === 0 ? lines : ['.PP', ...lines];
    });
}

/** A section, or nothing where there is nothing to say. Its first paragraph needs no break. */
export function section(title: string, ...blocks: readonly Block[]): Block {
  const lines = blocks.flat();
  if (lines.length === 0) return [];
  return [`.SH ${title}`, ...(lines[0] === '.PP' ? lines.slice(1) : lines)];
}

/** A term and what is to be said of it. */
export function item(term: string, text: Block): Block {
  return ['.TP', term, ...text];
}

/** Commands as typed. A long one goes on in the next line, as the shell would take it. */
export function example(command: string): Block {
  const lines = command.split('\n').flatMap(continued).map(literal);
  return ['.PP', '.RS 4', '.EX', ...lines, '.EE', '.RE'];
}

function continued(line: string): string[] {
  const at = line.lastIndexOf(' -', EXAMPLE_COLUMNS);
  if (line.length <= EXAMPLE_COLUMNS || at <= 0) return [line];
  return [`${line.slice(0, at)} \\`, ...continued(`    ${line.slice(at + 1)}`)];
}

function emphasized(text: string, { bold: strong, italic: values }: Emphasis): string {
  const words = longestFirst(strong).map(pattern);
  const names = longestFirst(values).map(pattern);
  const marks = ['`[^`]+`', '(?<![\\w-])--?[a-z][a-z-]*(?![\\w-])', '\\bLM_[A-Z_]+', ...words];
  const marked = new RegExp([...marks, ...names].join('|'), 'g');
  let done = 0;
  let out = '';
  for (const { 0: found, index } of text.matchAll(marked)) {
    out += plain(text.slice(done, index));
    out += values.includes(found) ? italic(found) : bold(found.replaceAll('`', ''));
    done = index + found.length;
  }
  return out + plain(text.slice(done));
}

/** A pattern takes the first of its alternatives that fits. */
function longestFirst(words: readonly string[]): string[] {
  return [...words].sort((a, b) => b.length - a.length);
}

/** Whole words only. */
function pattern(word: string): string {
  return `(?<![\\w-])${RegExp.escape(word)}(?![\\w-])`;
}

/** Hyphens stay hyphens and quotes stay quotes. */
function plain(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll(/[^\0-\x7e]/gu, unicode);
}

/** A line that begins with one of these would be a request. */
function withoutRequest(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

function unicode(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  return `\\[u${code.padStart(4, '0')}]`;
}

const EXAMPLE_COLUMNS = 66;
const SENTENCE_END = /(?<=[.!?]) (?=[A-Z])/;
