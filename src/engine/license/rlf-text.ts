/**
 * Changes an RLF as a text: people keep it in git, with comments and an order of their own, so a
 * change touches the lines it has to and no others. Each change is read back and compared with what
 * it should have done, so a style of TOML that these edits do not foresee is refused, not mangled.
 */
import { LmError } from '../errors.ts';
import type { Handover } from './admin-chain.ts';
import { badData } from './fields.ts';
import type { SigningKey } from './keys.ts';
import { codeWords } from './license-document.ts';
import { type LicenseFile, licenseTable, vendorTable } from './license-file.ts';
import { quoted } from './names.ts';
import { type RlfDraft, readDraft, readRlf } from './rlf.ts';
import { keysByVendor } from './rlf-licenses.ts';
import { canonicalText, signDocument } from './signed-document.ts';
import { tomlText } from './toml.ts';
import type { RlfVendor } from './types.ts';

/** Signs: only the `[signature]` table is replaced. Throws `untrusted` for another key. */
export function signRlfText(text: string, key: SigningKey): string {
  const { rlf, document } = readDraft(text);
  if (rlf.admin !== key.publicKey) {
    const message = `The key ${key.publicKey} is not the admin key of pool ${rlf.pool}.`;
    throw new LmError('untrusted', message, `Sign with the key of ${rlf.admin}.`);
  }
  const value = signDocument('lm-rlf-v1', document, key);
  const table = `[signature]\nkey = ${tomlText(key.publicKey)}\nvalue = ${tomlText(value)}\n`;
  const signed = checked(appended(text, `# Written by \`lm rlf sign\`.\n${table}`), document);
  readRlf(signed);
  return signed;
}

/** Adds one to the sequence. The signature is gone: it no longer fits. */
export function bumpRlfText(text: string): string {
  const { rlf, document } = readDraft(text);
  const sequence = rlf.sequence + 1;
  const bumped = replaceValue(unsigned(text), {
    table: null,
    key: 'sequence',
    value: String(sequence),
  });
  return checked(bumped, { ...document, sequence });
}

/**
 * Restarts the pool from the servers that are kept (names), in the next epoch; the others leave the
 * list and every distribution. Unsigned, one sequence higher. Throws `usage` for an unknown name.
 */
export function recoverRlfText(text: string, keep: readonly string[]): string {
  const { rlf, document } = readDraft(text);
  const names = rlf.servers.map(({ name }) => name);
  const unknown = keep.find((name) => !names.includes(name));
  if (unknown !== undefined || keep.length === 0) {
    const message = `The RLF has no server ${quoted(unknown ?? '')}; it has ${names.join(', ')}.`;
    throw new LmError('usage', message, 'Name the servers that are left: --keep A,B.');
  }
  const lost = names.filter((name) => !keep.includes(name));
  const epoch = (rlf.recover ?? 1) + 1;
  const kept = withoutRows(withoutTables(bumpRlfText(text), 'server', names.map(isIn(lost))), lost);
  const table = { table: 'recover', key: 'epoch', value: String(epoch) };
  const isNew = rlf.recover === null;
  const result = isNew
    ? appended(kept, `[recover]\nepoch = ${epoch}\n`)
    : replaceValue(kept, table);
  const servers = listIn(document, 'server').filter((_, at) => !lost.includes(names[at] ?? ''));
  const licenses = listIn(document, 'license').map((license) => spreadOver(license, lost));
  const { license: _, ...rest } = document;
  const changed = { ...rest, sequence: rlf.sequence + 1, recover: { epoch }, server: servers };
  return checked(result, licenses.length === 0 ? changed : { ...changed, license: licenses });
}

const isIn = (list: readonly string[]) => (name: string) => list.includes(name);

/** A license table, its seats spread over the servers that are not lost. */
function spreadOver(license: unknown, lost: readonly string[]): unknown {
  const { distribution, ...rest } = license as { readonly distribution?: object };
  if (distribution === undefined) return rest;
  const rows = Object.entries(distribution).filter(([name]) => !lost.includes(name));
  return { ...rest, distribution: Object.fromEntries(rows) };
}

/** Without those of the [[tables]] of that name that are marked, in order. */
function withoutTables(text: string, name: string, marks: readonly boolean[]): string {
  const header = new RegExp(`^[ \\t]*\\[\\[[ \\t]*${name}[ \\t]*\\]\\]`);
  let at = -1;
  let isDropped = false;
  const lines = linesOf(text).filter((line) => {
    if (HEADER.test(line)) {
      const isTable = header.test(line);
      if (isTable) at += 1;
      isDropped = isTable && marks[at] === true;
    }
    return !isDropped || COMMENT.test(line);
  });
  return lines.join('');
}

/** Without the seats of these servers in distributions that stand on a line. */
function withoutRows(text: string, servers: readonly string[]): string {
  const lines = linesOf(text).map((line) => {
    const [, head, rows, tail] = DISTRIBUTION.exec(line) ?? [];
    if (head === undefined || rows === undefined) return line;
    const kept = rows.split(',').filter((row) => {
      const name = (row.split('=')[0] ?? '').trim().replaceAll(/^["']|["']$/g, '');
      return !servers.includes(name);
    });
    return `${head}${kept.join(',').trim() === '' ? '' : kept.join(',')}${tail}`;
  });
  return lines.join('');
}

/** A license file to add, with the distribution its seats are to start from. */
export interface Addition {
  readonly file: LicenseFile;
  readonly distribution: ReadonlyMap<string, number> | null;
}

/** Adds license codes, and vendors that are not there yet. Unsigned, the sequence as it was. */
export function addToRlfText(text: string, additions: readonly Addition[]): string {
  const { rlf, document } = readDraft(text);
  const vendors = newVendors(rlf.vendors, additions);
  const tables = [
    ...vendors.map(vendorTable),
    ...additions.map(({ file, distribution }) => {
      return `# ${codeWords(file.code)}\n${licenseTable(file.token, distribution)}`;
    }),
  ];
  const licenses = additions.map(({ file, distribution }) => ({
    code: file.token,
    ...(distribution === null ? {} : { distribution: Object.fromEntries(distribution) }),
  }));
  const result = appended(text, tables.join('\n'));
  readDraft(result);
  return checked(result, {
    ...document,
    ...(vendors.length === 0 ? {} : { vendor: [...listIn(document, 'vendor'), ...vendors] }),
    license: [...listIn(document, 'license'), ...licenses],
  });
}

/** Hands the pool over to a new admin key, which the handover's old key has signed. Unsigned. */
export function handOverRlfText(text: string, handover: Handover): string {
  const { rlf, document } = readDraft(text);
  if (rlf.admin !== handover.old) {
    const message = `The old key ${handover.old} is not the admin key of pool ${rlf.pool}.`;
    throw new LmError('untrusted', message, `Hand over with the key of ${rlf.admin}.`);
  }
  const value = tomlText(handover.new);
  const renamed = replaceValue(unsigned(text), { table: 'pool', key: 'admin', value });
  const fields = Object.entries(handover).map(([key, field]) => `${key} = ${tomlText(field)}\n`);
  return checked(appended(renamed, `[[admin-chain]]\n${fields.join('')}`), {
    ...document,
    pool: { name: rlf.pool, admin: handover.new },
    'admin-chain': [...listIn(document, 'admin-chain'), { ...handover }],
  });
}

function newVendors(vendors: readonly RlfVendor[], additions: readonly Addition[]): RlfVendor[] {
  const keys = keysByVendor(vendors);
  const added: RlfVendor[] = [];
  for (const { vendor } of additions.map(({ file }) => file)) {
    const known = keys.get(vendor.name) ?? [];
    if (known.includes(vendor.key)) continue;
    if (known.length > 0) {
      const message = `The RLF has another key of vendor ${vendor.name} than the license file.`;
      throw badData(
        message,
        'Ask the vendor. If the key is new, add a second [[vendor]] table with it first.',
      );
    }
    keys.set(vendor.name, [vendor.key]);
    added.push(vendor);
  }
  return added;
}

/** The text without its `[signature]` table; comments in it stay. */
function unsigned(text: string): string {
  const lines = linesOf(text);
  const start = lines.findLastIndex((line) => SIGNATURE.test(line));
  if (start === -1) return text;
  const next = lines.findIndex((line, i) => i > start && HEADER.test(line));
  const end = next === -1 ? lines.length : next;
  const comments = lines.slice(start, end).filter((line) => COMMENT.test(line));
  const before = lines.slice(0, start);
  if (OURS.test(before.at(-1) ?? '')) before.pop();
  return [...before, ...comments, ...lines.slice(end)].join('');
}

/** The unsigned text with a table at its end, in the text's own line endings. */
function appended(text: string, table: string): string {
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  return `${unsigned(text).trimEnd()}\n\n${table}`.replaceAll(/\r?\n/g, lineEnd);
}

interface Place {
  /** The table's name; null for the fields before the first table. */
  readonly table: string | null;
  readonly key: string;
  /** What is to stand behind the equals sign, as TOML. */
  readonly value: string;
}

/** Replaces a value on a line of its own, and leaves a comment behind it. */
function replaceValue(text: string, { table, key, value }: Place): string {
  const lines = linesOf(text);
  const start = table === null ? 0 : 1 + lines.findIndex((line) => headerOf(line) === table);
  const next = lines.findIndex((line, i) => i >= start && HEADER.test(line));
  const field = new RegExp(`^([ \\t]*${key}[ \\t]*=[ \\t]*)("[^"]*"|'[^']*'|[0-9_+]+)`);
  const end = next === -1 ? lines.length : next;
  const at = lines.findIndex((line, i) => i >= start && i < end && field.test(line));
  if (at === -1) throw badData(`The RLF has no line for ${quoted(key)}.`, `Write one: ${key} = …`);
  lines[at] = (lines[at] ?? '').replace(field, (_, head: string) => `${head}${value}`);
  return lines.join('');
}

/** What a change must have done, and nothing else. */
function checked(text: string, document: RlfDraft['document']): string {
  try {
    if (canonicalText(readDraft(text).document) === canonicalText(document)) return text;
  } catch (error) {
    if (!(error instanceof LmError)) throw error;
  }
  const hint =
    'Write it as `lm rlf template` shows: one field a line, [[tables]], [signature] last.';
  throw badData('The text of the RLF can not be changed in place: its TOML is unusual.', hint);
}

function listIn(document: RlfDraft['document'], name: string): readonly unknown[] {
  const list = document[name];
  return Array.isArray(list) ? (list as readonly unknown[]) : [];
}

function linesOf(text: string): string[] {
  return text.split(/(?<=\n)/);
}

function headerOf(line: string): string | null {
  return /^[ \t]*\[[ \t]*([A-Za-z-]+)[ \t]*\]/.exec(line)?.[1] ?? null;
}

const DISTRIBUTION = /^([ \t]*distribution[ \t]*=[ \t]*\{)([^}]*)(\}.*\r?\n?)$/;
const HEADER = /^[ \t]*\[/;
const COMMENT = /^[ \t]*#/;
const OURS = /^# Written by `lm rlf sign`\./;
const SIGNATURE = /^[ \t]*\[[ \t]*signature[ \t]*\]/;
