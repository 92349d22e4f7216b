/**
 * Why a seat can or can't be had, in plain words: the verdict and its rule, the license's table,
 * who holds the seats, what servers that are lost mean for them, and what to do next.
 */
import type { Authorization } from '../../net/client/status.ts';
import type { WhyDocument } from '../../net/client/why.ts';
import { isAway } from './commuted-seats.ts';
import { type Fields, fieldsOf, listOf, text } from './document-fields.ts';
import { printable } from './printable.ts';
import {
  authorizationTable,
  commuterTable,
  licenseWords,
  ruleOfMajority,
  span,
} from './status-words.ts';

const HOLDERS_SHOWN_MAX = 20;

/** Somebody's seats, where the question named somebody. */
export interface Somebody {
  readonly name: string;
  readonly held: readonly Authorization[];
}

export function whyWords(
  document: WhyDocument,
  { now, somebody = null }: { readonly now: number; readonly somebody?: Somebody | null },
): string {
  const { license, holders } = document;
  const ofLicense = holders.filter((one) => {
    const { vendor, version } = license ?? one;
    return one.vendor === vendor && one.version === version;
  });
  const away = ofLicense.filter(isAway);
  const held = ofLicense.filter((one) => !isAway(one));
  return [
    verdictWords(document),
    license === null ? '' : licenseWords(license),
    holderWords(held, now),
    awayWords(document, away, now),
    somebody === null ? '' : somebodyWords(document.application, somebody, now),
    lostWords(document, now),
    adviceWords(document, { held, away }),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function verdictWords({ verdict, server, leader, pool }: WhyDocument): string {
  const { code, message, details } = verdict;
  const said = code === 'granted' ? 'Yes' : `No (${printable(code)})`;
  const asked = `server ${printable(server)}${leader === server ? ', the leader,' : ''}`;
  return [
    `${said}: ${printable(message)}\n`,
    `Rule: ${ruleWords(details, code)}\n`,
    `So says ${asked} of pool ${text(pool)}.\n`,
  ].join('');
}

function ruleWords(details: Fields, code: string): string {
  const { hardLimit, requested, deficit, waiting, free } = details;
  const more = details['orMore'] === true ? ' or more' : '';
  switch (details['rule']) {
    case 'majority': {
      return `${ruleOfMajority(fieldsOf(details['majority']))}`;
    }
    case 'license':
      return 'license. The RLF in force has to name the application, the vendor and the version.';
    case 'dates': {
      const date = details['expired'] ?? details['begins'];
      return `dates. The license ${code === 'expired' ? 'ended' : 'begins'} on ${text(date)}.`;
    }
    case 'policy':
      return `policy. ${policyWords(details)}`;
    case 'limit':
      return `limit. ${text(requested)} asked for; the license has ${text(hardLimit)} in all.`;
    case 'deficit':
      return `deficit. Each seat that comes back pays for the lower limit: ${text(deficit)} to go.`;
    case 'line':
      return (
        'line. First come, first served, over all servers: ' +
        `${text(waiting)}${more} waiting, ${text(free)} free.`
      );
    default:
      return seatsRule(details, code);
  }
}

/** The license lets too few seats leave, or not for so long. */
function policyWords({ days, commuterDays, requested, commuted, commuterSeatsMax }: Fields) {
  if (commuterSeatsMax === undefined) {
    return `Check-outs last ${text(commuterDays)} days at most; ${text(days)} asked for.`;
  }
  const away = `${text(commuted)} are, ${text(requested)} asked for`;
  return `At most ${text(commuterSeatsMax)} may be checked out at once; ${away}.`;
}

function seatsRule(details: Fields, code: string): string {
  const { requested, available, freePool, free, server } = details;
  const pooled = `${text(freePool)} in the free pool`;
  const here = `${text(available)} free at server ${text(server)}, ${pooled}`;
  const known = code === 'granted' || free === undefined ? '' : `, ${text(free)} known in all`;
  const { commuted } = fieldsOf(details['commuting']);
  const away = typeof commuted === 'number' && commuted > 0 ? `, ${commuted} checked out` : '';
  return `seats. ${text(requested)} asked for; ${here}${known}${away}.`;
}

function holderWords(held: readonly Authorization[], now: number): string {
  if (held.length === 0) return 'Nobody is known to hold a seat of it.\n';
  const shown = held.slice(0, HOLDERS_SHOWN_MAX);
  const more = held.length - shown.length;
  const rest = more > 0 ? `and ${more} more\n` : '';
  return `Who holds its seats, the oldest first:\n${authorizationTable(shown, now)}${rest}`;
}

/** What is checked out, and what may be: nothing where the license lets no seat leave. */
function awayWords({ verdict }: WhyDocument, away: readonly Authorization[], now: number): string {
  const { seatsMax, daysMax } = fieldsOf(verdict.details['commuting']);
  const shown = away.slice(0, HOLDERS_SHOWN_MAX);
  const rest = away.length > shown.length ? `and ${away.length - shown.length} more\n` : '';
  const words = `Checked out, each back by itself an hour after its end:\n`;
  const listed = away.length === 0 ? '' : `${words}${commuterTable(shown, now)}${rest}`;
  if (typeof daysMax !== 'number' || daysMax === 0) return listed;
  const most = `At most ${text(seatsMax)} of its seats may be checked out at once`;
  return `${listed}${most}, for ${daysMax} days at most.\n`;
}

function somebodyWords(application: string, { name, held }: Somebody, now: number): string {
  const of = printable(`${name} holds`);
  const what = printable(application);
  if (held.length === 0) return `${of} no seat of ${what}.\n`;
  const count = held.reduce((sum, one) => sum + one.count, 0);
  return `${of} of ${what} already ${count}:\n${authorizationTable(held, now)}`;
}

/** Servers that are lost, with what that means for their seats, where that is known. */
function lostWords({ verdict, servers }: WhyDocument, now: number): string {
  const { lost } = verdict.details;
  if (Array.isArray(lost)) {
    return listOf(lost)
      .map((one) => `${lostServer(one, now)}\n`)
      .join('');
  }
  const down = listOf(servers).filter(({ state }) => typeof state === 'string' && state !== 'up');
  return down.map(({ name, state }) => `Server ${text(name)} is ${text(state)}.\n`).join('');
}

function lostServer({ server, state, allocated, lendableAt }: Fields, now: number): string {
  const name = `Server ${text(server)} is ${text(state)}`;
  const seats = `its ${text(allocated)} seats`;
  if (state === 'opened') return `${name}: ${seats} can be lent to the others.`;
  if (state === 'fenced' && typeof lendableAt === 'string') {
    const left = span(Date.parse(lendableAt) - now);
    return `${name}: ${seats} can't be lent until ${text(lendableAt)} (in ${left}).`;
  }
  if (state === 'fenced') return `${name}: ${seats} can't be lent until its keys have ended.`;
  return `${name}: ${seats} can't be lent until it is back, or fenced and its keys have ended.`;
}

interface Holders {
  readonly held: readonly Authorization[];
  readonly away: readonly Authorization[];
}

function adviceWords({ verdict }: WhyDocument, { held, away }: Holders): string {
  const { code, hint, details } = verdict;
  const canEnd = ['seats', 'line', 'deficit'].includes(String(details['rule']));
  if (code === 'granted' || !canEnd) return `What to do: ${printable(hint)}\n`;
  const evict = held.length === 0 ? '' : 'Or have an administrator end one: lm evict ID.\n';
  const checkIn = away.length === 0 ? '' : 'Or have one checked in where it is: lm commute in.\n';
  return `What to do: ${printable(hint)}\n${evict}${checkIn}`;
}
