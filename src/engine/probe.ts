/**
 * Why a seat can or can't be had now: what a request without patience would be answered (FIG. 6),
 * by the rules that decide on requests, and with the numbers. Nothing changes by asking.
 */
import { choose } from './choice.ts';
import { chooseLeaving, mayLeave } from './commuting.ts';
import type { Denial, Known, Wish } from './denial.ts';
import * as denial from './denial.ts';
import type { ErrorDetails } from './errors.ts';
import { MessageType, type Probe, type Verdict } from './messages.ts';
import { contactOf } from './pool/contact.ts';
import type { Elsewhere, Lender } from './pool/outlook.ts';
import type { Pool } from './pool/pool.ts';
import { Row } from './row.ts';
import type { Rows } from './rows.ts';
import type { Time } from './time.ts';

/** What decides, in the words of the design. */
export type Rule =
  | 'majority'
  | 'license'
  | 'dates'
  | 'policy'
  | 'limit'
  | 'deficit'
  | 'line'
  | 'seats';

/** Where the seats of a request would come from. */
export type Source = 'row' | 'free-pool' | 'borrow';

/** Seats to be used here, or for so many days without the network. */
interface Seats {
  readonly count: number;
  readonly days: number | null;
}

type Asked = Wish & Seats;

interface Answer extends Omit<Denial, 'code'> {
  readonly code: Denial['code'] | 'granted';
}

export class Prober {
  readonly #pool: Pool;
  readonly #rows: Rows;
  readonly #name: string;

  constructor(parts: { readonly pool: Pool; readonly rows: Rows; readonly name: string }) {
    this.#pool = parts.pool;
    this.#rows = parts.rows;
    this.#name = parts.name;
  }

  verdict(message: Probe, time: Time): Verdict {
    const [, sequence, vendor, application, version, count, days = null] = message;
    const wish = { vendor, application, version, count, days };
    const row = this.#choose(wish);
    const answer = this.#answer(row, wish, time);
    const context = row instanceof Row ? this.#context(row, { time, days }) : {};
    const majority = contactOf(this.#pool);
    const asked = days === null ? {} : { days };
    const details = { server: this.#name, majority, ...asked, ...context, ...answer.details };
    return [MessageType.verdict, sequence, answer.code, answer.message, answer.hint, details];
  }

  #choose(wish: Asked): Row | Denial {
    const { table, mark, held } = this.#pool.state;
    const licensed = table.byApplication(wish.application);
    const { days, count } = wish;
    if (days === null) return choose(wish, licensed, this.#rows);
    const leaving = { days, count, mark, held };
    return chooseLeaving(wish, { licensed, rows: this.#rows }, leaving);
  }

  /** In the order in which a request meets the rules. */
  #answer(row: Row | Denial, { count, days }: Asked, { boot: now }: Time): Answer {
    if (!this.#pool.mayIssue(now)) {
      const numbers = row instanceof Row ? denial.numbers(row, count) : {};
      return ruled('majority', denial.noMajority(this.#pool), numbers);
    }
    if (!(row instanceof Row)) return ruled(ruleOf(row), row);
    const asked = { count, days };
    if (row.canIssue(count)) return this.#granted(row, asked, { source: 'row', lenders: [] });
    if (row.line.full) return ruled('line', denial.lineFull(row, count));
    return this.#short(row, asked);
  }

  /** Not out of this server's row, or not at once. */
  #short(row: Row, asked: Seats): Answer {
    const { count } = asked;
    const elsewhere = this.#pool.outlook.elsewhere(row);
    const known = knownOf(row, elsewhere);
    const more = { waiting: known.waiting, orMore: known.orMore, free: known.free };
    const allInUse = () => denial.allInUse(row, count, known);
    if (row.accounts.deficit > 0) return ruled('deficit', allInUse(), more);
    // Those whose connections are gone keep their places, and hold nobody up.
    const othersWait = (row.word?.othersSince ?? null) !== null;
    if (row.line.head !== null || othersWait) return ruled('line', allInUse(), more);
    if (count <= row.available) return this.#granted(row, asked, { source: 'row', lenders: [] });
    if (count <= row.reachable)
      return this.#granted(row, asked, { source: 'free-pool', lenders: [] });
    if (elsewhere === null && !this.#pool.isAlone) {
      const here = { count, server: this.#name, leads: this.#pool.leads };
      return ruled('seats', denial.shortHere(row, here), more);
    }
    if (known.free < count) return ruled('seats', allInUse(), more);
    const lenders = needed(elsewhere?.lenders ?? [], count - Math.max(0, row.reachable));
    return this.#granted(row, asked, { source: 'borrow', lenders });
  }

  #granted(
    row: Row,
    { count, days }: Seats,
    { source, lenders }: { readonly source: Source; readonly lenders: readonly Lender[] },
  ): Answer {
    const asked = `${count} ${count === 1 ? 'seat' : 'seats'} of ${denial.nameOf(row)}`;
    const granted = days === null ? 'granted' : 'checked out';
    const here = Math.max(0, row.available);
    const freePool = source === 'row' ? '' : ` and the free pool ${row.accounts.freePool}`;
    const loans = lenders.map(({ server, available, opened }) => {
      return `${opened ? 'lost server' : 'server'} ${server} can lend of ${available}`;
    });
    const parts = [`server ${this.#name} has ${here} free${freePool}`, ...loans];
    return {
      code: 'granted',
      message: `${asked} would be ${granted} now: ${parts.join(', ')}.`,
      hint:
        days === null
          ? 'Ask for it with lm request, or run the program with lm exec.'
          : 'Check it out with lm commute out.',
      details: { ...denial.numbers(row, count), rule: 'seats', source, lenders },
    };
  }

  /** Servers that are lost, and when their seats can be lent; what may leave, and what is away. */
  #context(row: Row, { time, days }: { time: Time; days: number | null }): ErrorDetails {
    const lost = this.#pool.outlook.lost(row).map(({ opensAt, ...server }) => {
      const at = opensAt === null ? null : time.wall + Math.max(0, opensAt - time.boot);
      return { ...server, lendableAt: at === null ? null : new Date(at).toISOString() };
    });
    const { mark, held } = this.#pool.state;
    return { lost, commuting: mayLeave(row, { days: days ?? 1, mark, held }) };
  }
}

/** A leader knows what is free anywhere and who waits; a follower, that others wait. */
function knownOf(row: Row, elsewhere: Elsewhere | null): Known {
  const here = Math.max(0, row.reachable);
  if (elsewhere !== null) {
    const lent = elsewhere.lenders.reduce((sum, { available }) => sum + available, 0);
    return { free: here + lent, waiting: row.line.length + elsewhere.waiting, orMore: false };
  }
  const othersWait = (row.word?.othersSince ?? null) !== null;
  const waiting = row.line.length + (othersWait ? 1 : 0);
  return { free: Math.max(0, row.word?.free ?? here), waiting, orMore: othersWait };
}

/** The first of them, until their seats are enough. */
function needed(lenders: readonly Lender[], missing: number): Lender[] {
  const asked: Lender[] = [];
  let left = missing;
  for (const lender of lenders) {
    if (left <= 0) break;
    asked.push(lender);
    left -= lender.available;
  }
  return asked;
}

function ruleOf({ code }: Denial): Rule {
  if (code === 'exceeds-limit') return 'limit';
  if (code === 'denied-by-policy') return 'policy';
  return code === 'expired' || code === 'not-yet-valid' ? 'dates' : 'license';
}

function ruled(rule: Rule, { details, ...words }: Denial, more: ErrorDetails = {}): Answer {
  return { ...words, details: { ...details, ...more, rule } };
}
