/** Which authorizations of a status are away from the network. */
import type { Authorization, StatusDocument } from '../../net/client/status.ts';

const AWAY: ReadonlySet<string> = new Set(['commuted', 'written-off']);

export function commutedIn({ authorizations }: StatusDocument): Authorization[] {
  return authorizations.filter(isAway);
}

export function isAway({ state }: Authorization): boolean {
  return AWAY.has(state);
}
