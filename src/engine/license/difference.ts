/** What changes between two RLFs, one entry a change: in words, and as values for scripts. */
import { type License, licenseKey, licensesOf } from './distribution.ts';
import {
  codeDocument,
  codeWords,
  dateWords,
  distributionWords,
  type LicenseDocument,
  licenseDocument,
  seatWords,
} from './license-document.ts';
import { keysByVendor } from './rlf-licenses.ts';
import type { LicenseCode, Rlf } from './types.ts';

export interface Change {
  readonly subject: 'sequence' | 'pool' | 'admin' | 'priority' | 'server' | 'vendor' | 'license';
  readonly change: 'added' | 'removed' | 'changed';
  readonly name: string;
  /** Null for what was added or removed. */
  readonly before: unknown;
  readonly after: unknown;
  readonly words: string;
}

export function describeDifference(before: Rlf, after: Rlf): Change[] {
  const names = (rlf: Rlf) => rlf.servers.map(({ name }) => name).join(', ');
  return [
    ...valueChange('sequence', before.sequence, after.sequence),
    ...valueChange('pool', before.pool, after.pool),
    ...valueChange('admin', before.admin, after.admin),
    ...valueChange('priority', names(before), names(after)),
    ...listChanges('server', { before: before.servers, after: after.servers }, (server) => ({
      name: server.name,
      words: `${server.address}, key ${server.fingerprint}`,
      value: server,
    })),
    ...listChanges(
      'vendor',
      { before: [...keysByVendor(before.vendors)], after: [...keysByVendor(after.vendors)] },
      ([name, keys]) => ({ name, words: keys.join(' and '), value: { name, key: keys[0], keys } }),
    ),
    ...licenseChanges(before, after),
  ];
}

function valueChange(
  subject: 'sequence' | 'pool' | 'admin' | 'priority',
  before: number | string,
  after: number | string,
): Change[] {
  if (before === after) return [];
  const words = `${subject}: ${before} becomes ${after}`;
  return [{ subject, change: 'changed', name: subject, before, after, words }];
}

interface Entry {
  readonly name: string;
  readonly words: string;
  readonly value: unknown;
}

function listChanges<T>(
  subject: 'server' | 'vendor',
  lists: { readonly before: readonly T[]; readonly after: readonly T[] },
  entryOf: (item: T) => Entry,
): Change[] {
  const before = new Map(lists.before.map(entryOf).map((entry) => [entry.name, entry]));
  const after = new Map(lists.after.map(entryOf).map((entry) => [entry.name, entry]));
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
    const [old, now] = [before.get(name), after.get(name)];
    if (old?.words === now?.words) return [];
    return [changeOf(subject, { name, old, now, changed: `${old?.words} becomes ${now?.words}` })];
  });
}

function licenseChanges(before: Rlf, after: Rlf): Change[] {
  const old = licensesByKey(before);
  const now = licensesByKey(after);
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) => {
    const [a, b] = [old.get(key), now.get(key)];
    const details = a && b ? licenseDetails(a, b) : [];
    if (a && b && details.length === 0) return [];
    const name = (b ?? a)?.words ?? '';
    const changed = details.join('; ');
    return [changeOf('license', { name, old: entryOf(a), now: entryOf(b), changed })];
  });
}

interface Described {
  readonly license: License;
  readonly document: LicenseDocument;
  readonly words: string;
  readonly distribution: string;
}

function licensesByKey(rlf: Rlf): Map<string, Described> {
  return new Map(
    licensesOf(rlf).map((license) => {
      const { vendor, application, version } = license;
      const document = licenseDocument(license, rlf.servers);
      const rows = new Map(document.distribution.map((row) => [row.server, row.allocated]));
      const distribution = distributionWords({ rows, freePool: document.freePool });
      const words = `${vendor} ${application} ${version}`;
      return [licenseKey(license), { license, document, words, distribution }];
    }),
  );
}

function entryOf(described: Described | undefined): Entry | undefined {
  if (described === undefined) return undefined;
  const { license, document, words, distribution } = described;
  const dates = license.codes.length === 1 ? license.codes.map(({ code }) => dateWords(code)) : [];
  const details = `${seatWords(license.hardLimit)}${dates.join('')} (${distribution})`;
  return { name: words, words: details, value: document };
}

/** In words, what differs between two states of one license. */
function licenseDetails(old: Described, now: Described): string[] {
  const details: string[] = [];
  const say = (what: string, a: number | string, b: number | string) => {
    if (a !== b) details.push(`${what} ${a} becomes ${b}`);
  };
  say('hard limit', old.license.hardLimit, now.license.hardLimit);
  say('distribution', old.distribution, now.distribution);
  const before = new Map(old.license.codes.map(({ code }) => [code.id, code]));
  const after = new Map(now.license.codes.map(({ code }) => [code.id, code]));
  for (const [id, code] of before) {
    const successor = after.get(id);
    if (successor === undefined) details.push(`code ${id} removed (${codeWords(code)})`);
    else for (const words of policyChanges(code, successor)) details.push(`code ${id}: ${words}`);
  }
  for (const [id, code] of after) {
    if (!before.has(id)) details.push(`code ${id} added (${codeWords(code)})`);
  }
  return details;
}

/** What differs between two codes of one id, by the names of their fields. */
function policyChanges(before: LicenseCode, after: LicenseCode): string[] {
  const now = new Map<string, unknown>(Object.entries(codeDocument(after)));
  return Object.entries(codeDocument(before))
    .filter(([name, value]) => now.get(name) !== value)
    .map(([name, value]) => `${name} ${String(value)} becomes ${String(now.get(name))}`);
}

function changeOf(
  subject: Change['subject'],
  of: { name: string; old: Entry | undefined; now: Entry | undefined; changed: string },
): Change {
  const { name, old, now } = of;
  const values = { name, before: old?.value ?? null, after: now?.value ?? null };
  if (old === undefined) {
    return {
      subject,
      change: 'added',
      ...values,
      words: `${subject} ${name} added: ${now?.words}`,
    };
  }
  if (now === undefined) {
    const words = `${subject} ${name} removed: ${old.words}`;
    return { subject, change: 'removed', ...values, words };
  }
  return { subject, change: 'changed', ...values, words: `${subject} ${name}: ${of.changed}` };
}
