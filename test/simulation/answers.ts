/** Whether single answers of the server are right, by the licenses in force. */
import type { MessageType } from '../../src/engine/messages.ts';
import type { ServerMessage } from '../../src/net/protocol.ts';
import { check, SimulationFailure } from './failure.ts';
import type { LedgerView } from './ledger-model.ts';
import { activeCodes, licenseId } from './licenses.ts';
import type { Wish } from './seat.ts';

/** Whether an answer is right at one of these moments; what was wrong with it at the first. */
export function checkAtAny(views: readonly LedgerView[], judge: (view: LedgerView) => void): void {
  const failures: SimulationFailure[] = [];
  for (const view of views) {
    try {
      judge(view);
      return;
    } catch (error) {
      if (!(error instanceof SimulationFailure)) throw error;
      failures.push(error);
    }
  }
  const [first] = failures;
  if (first === undefined) return;
  throw new SimulationFailure(failures.map(({ message }) => message).join('; and before: '));
}

type Message<Type extends number> = Extract<ServerMessage, { 0: Type }>;

/** A new grant: what was asked for, of a license that may be used now and owes nothing. */
export function checkGrant(
  message: Message<typeof MessageType.grant>,
  wish: Wish,
  { grants, mark, accounts }: LedgerView,
): void {
  const [, , , lifetimeMs, , application, version, count] = message;
  const license = licenseId({ application, version });
  check(count === wish.count, 'all seats or none', () => [count, wish]);
  check(application === wish.application, 'the application asked for', () => [license, wish]);
  check(covers(version, wish.version), 'a version that is covered', () => [license, wish]);
  const active = activeCodes(grants, license, mark);
  check(active.length > 0, 'a license that may be used now', () => ({ license, mark }));
  const lifetime = Math.min(...active.map((code) => code.lifetimeMs));
  const expected = wish.holdMs > 0 ? wish.holdMs : lifetime;
  check(lifetimeMs === expected, 'the lifetime of the license', () => [lifetimeMs, expected]);
  const deficit = accounts.get(license)?.deficit ?? 0;
  check(deficit === 0, 'while seats are owed nobody gets new ones', () => ({ license, deficit }));
}

/** A denial: its reason holds. */
export function checkDenial(
  message: Message<typeof MessageType.denied>,
  { wish, waited }: { readonly wish: Wish; readonly waited: boolean },
  { grants, mark, accounts }: LedgerView,
): void {
  const [, , code, , , details] = message;
  const { application, version, count } = wish;
  const ofApplication = grants.codes.filter((one) => one.application === application);
  const covering = ofApplication.filter((one) => covers(one.version, version));
  const licenses = [...new Set(covering.map(licenseId))];
  const active = licenses.filter((license) => activeCodes(grants, license, mark).length > 0);
  const limits = active.map((license) => accounts.get(license)?.limit ?? 0);
  const facts = () => ({ application, version, count, details, limits });
  switch (code) {
    case 'unknown-application':
      // Who waited is told so where only the version was dropped that it waited for.
      check(ofApplication.length === 0 || waited, 'an application that is not licensed', facts);
      return;
    case 'version-not-licensed':
      check(ofApplication.length > 0 && licenses.length === 0, 'a version not covered', facts);
      return;
    case 'expired':
    case 'not-yet-valid':
      // One that waited is told so although another version may have begun.
      check(licenses.length > active.length, 'a license that may not be used now', facts);
      return;
    case 'exceeds-limit':
      check(
        limits.some((limit) => limit < count),
        'more than a license has',
        facts,
      );
      return;
    case 'all-in-use': {
      const { available, freePool, deficit, waiting } = details as Record<string, number>;
      const free = (available ?? 0) + (freePool ?? 0);
      const short = free < count || (deficit ?? 0) > 0 || (waiting ?? 0) > 0;
      check(short, 'nobody is turned away while seats are free', facts);
      return;
    }
    case 'busy':
      // A late copy of a request finds its record while the end of it is on its way.
      check(wish.holdMs > 0, 'only a hold is told to ask again', facts);
      return;
    default:
      check(false, 'a denial that this pool gives', () => code);
  }
}

/** A page of the status that shows everything adds up. */
export function checkPage(message: Message<typeof MessageType.statusPage>): void {
  const [, , document, authorizations, next] = message;
  check(next === null && document !== null, 'one page is enough');
  const used = new Map<string, number>();
  for (const [, , application, version, count] of authorizations) {
    const license = licenseId({ application, version });
    used.set(license, (used.get(license) ?? 0) + count);
  }
  for (const license of (document?.['licenses'] ?? []) as Record<string, number | string>[]) {
    const id = licenseId({
      application: `${license['application']}`,
      version: `${license['version']}`,
    });
    const { hardLimit, deficit, freePool, held, inUse, available, distribution } = license;
    const { underWay } = license;
    const rows = distribution as unknown as { allocated: number; inUse: number }[];
    const allocated = rows.reduce((sum, row) => sum + row.allocated, 0);
    const facts = () => license;
    const seats = allocated + Number(freePool) + Number(held);
    check(seats === Number(hardLimit) + Number(deficit), 'the status balances', facts);
    const keys = (used.get(id) ?? 0) - Number(held);
    check(Number(inUse) === keys, 'seats in use are those of the keys', facts);
    const free = Number(available) + Number(inUse) + Number(underWay);
    const all = allocated + Number(freePool);
    check(free === all, 'what is not in use is available, or on its way', facts);
  }
}

/** A license for V covers requests up to V; no version asks for any. */
function covers(licensed: string, asked: string | null): boolean {
  if (asked === null) return true;
  const [a, b] = [asked, licensed].map((text) => text.split('.').map(Number));
  for (let field = 0; field < 4; field++) {
    const difference = (a?.[field] ?? 0) - (b?.[field] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return true;
}
