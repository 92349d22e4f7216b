/** Why no seat was had, and which of several reasons is the likeliest to pass. */
import { LmError } from '../../engine/errors.ts';

/** All seats are taken: the line, or another server, may turn it into a grant. */
export function isInUse({ code }: LmError): boolean {
  return code === 'all-in-use' || code === 'busy';
}

/** Another server may do better. */
export function isLocal(error: LmError): boolean {
  return isInUse(error) || error.code === 'no-majority';
}

/** It may pass by itself. */
export function isWorthWaiting(error: LmError): boolean {
  return hope(error) >= 2;
}

/** The first of those that are likeliest to pass by themselves. */
export function mostHopeful<T extends { readonly error: LmError }>(refusals: readonly T[]): T {
  const [best] = [...refusals].sort((a, b) => hope(b.error) - hope(a.error));
  if (best !== undefined) return best;
  throw new LmError('config', 'No pool is named.', 'Name one with --pool or LM_POOL.');
}

function hope(error: LmError): number {
  const { code } = error;
  if (isInUse(error)) return 3;
  if (code === 'no-majority' || code === 'unreachable') return 2;
  return code === 'untrusted' || code === 'protocol' ? 1 : 0;
}
