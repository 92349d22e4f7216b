/**
 * A status document as people read it: the servers, each license with its distribution table (FIG.
 * 5), and who holds the seats. The document comes from a server and may be of a later version, so
 * what is missing or of another kind shows as unknown.
 */
import type { Authorization, StatusDocument } from '../../net/client/status.ts';
import type { WhyDocument } from '../../net/client/why.ts';
import { cell, type Fields, fieldsOf, listOf, text } from './document-fields.ts';
import { type Cell, table } from './table.ts';

export function statusWords(document: StatusDocument, now: number): string {
  const licenses = listOf(document['licenses']);
  return [
    `${poolLine(document)}\n${upgradeLine(document)}${majorityLine(document)}`,
    serverTable(document),
    ...licenses.map(licenseWords),
    licenses.length === 0 ? 'No license.\n' : '',
    authorizationTable(document.authorizations, now),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** What the view of a whole pool lacks, one line each: printed beside it. */
export function gapWords(document: StatusDocument | WhyDocument): string[] {
  const { unreached, partial } = document;
  const names = Array.isArray(unreached) ? unreached.map(text) : [];
  const noLeader = 'No leader could be reached: this is what one server knows of the pool.';
  const notAsked = `Could not be asked who holds seats there: ${names.join(', ')}.`;
  return [...(partial === true ? [noLeader] : []), ...(names.length > 0 ? [notAsked] : [])];
}

function poolLine(document: StatusDocument): string {
  const rlf = fieldsOf(document['rlf']);
  const leader = document['leader'] ?? null;
  const epoch = document['epoch'] ?? 1;
  const parts = [
    `pool ${text(document['pool'])}`,
    `RLF ${text(rlf['sequence'])}`,
    // Restarted from survivors, once or more: worth a word.
    epoch === 1 ? '' : `epoch ${text(epoch)}`,
    leader === null ? 'no leader known' : `leader ${text(leader)}`,
    document['format'] === undefined ? '' : `format ${text(document['format'])}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function majorityLine(document: StatusDocument): string {
  const rule = document['majorityRule'];
  const ruled = rule === undefined ? '' : `${ruleOfMajority(fieldsOf(rule))}\n`;
  if (document['majority'] !== false) return ruled;
  return `NO MAJORITY of the servers is in contact: no seat is issued or renewed here.\n${ruled}`;
}

/** What must be in contact, and what is; X for what the server did not tell. */
export function ruleOfMajority({ needed, servers, up }: Fields): string {
  const names = Array.isArray(up) ? up.map(text).join(', ') : 'X';
  const count = `${text(needed)} of ${text(servers)}`;
  return `Majority rule: without ${count} servers in contact no seat is issued; up: ${names}.`;
}

/** Where all servers understand a later format than the one in force. */
function upgradeLine({ format, formatAvailable }: StatusDocument): string {
  if (typeof format !== 'number' || typeof formatAvailable !== 'number') return '';
  if (formatAvailable <= format) return '';
  return `All servers understand format ${formatAvailable}: lm pool upgrade raises it.\n`;
}

function serverTable({ servers, format }: StatusDocument): string {
  const columns = ['name', 'address', 'role', 'state', 'rlfSequence'];
  const listed = listOf(servers);
  const protocols = new Set(listed.flatMap(({ protocol }) => protocol ?? []));
  const rows = listed.map((server) => [
    ...columns.map((name) => cell(server[name])),
    programWords(server, { isMixed: protocols.size > 1, format }),
  ]);
  return table(['SERVER', 'ADDRESS', 'ROLE', 'STATE', 'RLF', 'LM'], rows);
}

/** Its version, and what it speaks and understands, where that is not what the pool has. */
function programWords(
  { version, protocol, format }: Fields,
  pool: { readonly isMixed: boolean; readonly format: unknown },
): Cell {
  if (typeof version !== 'string') return cell(version);
  const notes = [
    ...(pool.isMixed ? [`protocol ${String(protocol)}`] : []),
    ...(format === pool.format ? [] : [`format ${String(format)}`]),
  ];
  return notes.length === 0 ? version : `${version} (${notes.join(', ')})`;
}

/** A license with its distribution table (FIG. 5). */
export function licenseWords(license: Fields): string {
  const { expires, expiring, waiting, deficit, held, commuted } = license;
  const notes = [
    expires === null || expires === undefined ? '' : `expires ${text(expires)}`,
    expiringWords(fieldsOf(expiring)),
    some(held, 'held'),
    some(commuted, 'commuted'),
    some(waiting, 'waiting'),
    some(deficit, 'more in use than the limit allows'),
  ].filter((note) => note !== '');
  const [vendor, application, version] = ['vendor', 'application', 'version'].map((field) =>
    text(license[field]),
  );
  const name = `${vendor}: ${application} ${version}`;
  const heading = [name, `limit ${text(license['hardLimit'])}`, ...notes].join(', ');
  const columns = ['server', 'allocated', 'inUse', 'available'];
  const rows = listOf(license['distribution']).map((row) => columns.map((key) => cell(row[key])));
  const pool: Cell[] = ['pool', cell(license['hardLimit']), cell(license['inUse'])];
  const totals: Cell[][] = [
    ['free pool', cell(license['freePool']), '', ''],
    [...pool, cell(license['available'])],
  ];
  const columnNames = ['', 'ALLOCATED', 'IN USE', 'AVAILABLE'];
  const distribution = table(columnNames, [...rows, ...totals]);
  return `${heading}\n${distribution}${movesTable(fieldsOf(license['moves']))}`;
}

/** Seats that are moving, and those that moved last. */
function movesTable(moves: Fields): string {
  const line = (move: Fields, when: string): Cell[] => {
    const columns = ['count', 'from', 'to', 'reason'].map((name) => cell(move[name]));
    return [when, ...columns];
  };
  const rows = [
    ...listOf(moves['underWay']).map((move) => line(move, 'under way')),
    ...listOf(moves['last']).map((move) => line(move, text(move['at']))),
  ];
  return rows.length === 0 ? '' : `\n${table(['MOVED', 'SEATS', 'FROM', 'TO', 'WHY'], rows)}`;
}

export function authorizationTable(authorizations: readonly Authorization[], now: number): string {
  if (authorizations.length === 0) return '';
  const headings = ['ID', 'APPLICATION', 'VERSION', 'SEATS', 'SERVER', 'HOLDER', 'PID', 'SINCE'];
  const rows = authorizations.map((one): Cell[] => [
    one.id,
    one.application,
    one.version,
    one.count,
    one.server,
    `${one.user}@${one.host}`,
    one.pid,
    `${one.since} (${span(now - Date.parse(one.since))})`,
  ]);
  return table([...headings], rows);
}

/** The two largest units: `3d 4h`, `12m 5s`. */
export function span(ms: number): string {
  let left = Math.max(0, Math.floor(ms / 1_000));
  const parts: string[] = [];
  for (const [unit, seconds] of UNITS) {
    const whole = Math.floor(left / seconds);
    left -= whole * seconds;
    if (whole > 0 || (parts.length > 0 && parts.length < 2)) parts.push(`${whole}${unit}`);
  }
  return parts.slice(0, 2).join(' ') || '0s';
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;

/** Empty where nothing ends soon. */
function expiringWords({ days, left }: Fields): string {
  if (typeof days !== 'number') return '';
  const when = days === 1 ? 'WITHIN A DAY' : `WITHIN ${days} DAYS`;
  return left === 0 ? `ENDS ${when}` : `ONLY ${text(left)} SEATS ${when}`;
}

/** Commuted seats, and until when they are away. */
export function commuterTable(commuters: readonly Authorization[], now: number): string {
  if (commuters.length === 0) return '';
  const headings = ['ID', 'APPLICATION', 'VERSION', 'SEATS', 'HOLDER', 'SINCE', 'UNTIL', 'STATE'];
  const rows = commuters.map((one): Cell[] => [
    one.id,
    one.application,
    one.version,
    one.count,
    `${one.user}@${one.host}`,
    one.since,
    `${one.expiresAt} (${span(Date.parse(one.expiresAt) - now)})`,
    one.state,
  ]);
  return table(headings, rows);
}

function some(value: unknown, what: string): string {
  return typeof value === 'number' && value > 0 ? `${value} ${what}` : '';
}
