/** Opens the file of a commuted seat, without asking anybody. */
import { LmError } from '../../../engine/errors.ts';
import { type Environment, resolveTrust, resolveVendorKey, type TrustOptions } from '../trust.ts';
import { type Clocks, CommuterClock } from './clock.ts';
import { readCommuterFile, realFile } from './file.ts';
import { machineFingerprint } from './fingerprint.ts';
import { OfflineSeat } from './offline-seat.ts';
import { notValid, over } from './refusals.ts';
import { Run } from './runs.ts';
import { type Anchors, type CommuterToken, verifyToken } from './token.ts';

export interface OpenOptions extends TrustOptions {
  readonly env: Environment;
  readonly clocks?: Clocks | undefined;
}

/**
 * A seat to run on until its end, as often as one likes.
 *
 * @throws LmError `bad-data` where the file was changed, `untrusted`, `not-authorized` (of another
 * machine, checked in, or the clock was set back: `reason` says which), `expired`, `config`.
 */
export function openSeat(named: string, options: OpenOptions): OfflineSeat {
  const path = realFile(named);
  if (path === null) throw notValid(named, null);
  // Before the file is looked at: whoever disables it then waits for this.
  const run = new Run(path);
  try {
    const token = verifyFile(path, options);
    const clock = new CommuterClock(path, token.issuedAt, options.clocks);
    if (clock.read() >= token.end) throw over(token);
    clock.keep();
    const verified = resolveVendorKey(options, options.env) !== null;
    return new OfflineSeat({ path, token, clock, run, verified });
  } catch (error) {
    run.end();
    throw error;
  }
}

function verifyFile(path: string, options: OpenOptions): CommuterToken {
  const file = readCommuterFile(path);
  if (file?.phase !== 'valid') throw notValid(path, file);
  const token = verifyToken(file.token, file.rlf, anchorsOf(options));
  if (token.machine === machineFingerprint()) return token;
  throw new LmError(
    'not-authorized',
    `The commuted seat of ${path} is bound to another machine (${token.host}).`,
    'Use it there, or check one out on this machine.',
    { reason: 'wrong-machine' },
  );
}

/** With the vendor's key nothing else is needed; else the pool's card, or what LM_TRUST says. */
export function anchorsOf({ env, ...options }: OpenOptions): Anchors {
  const vendorKey = resolveVendorKey(options, env);
  if (vendorKey !== null || options.insecure === true) return { vendorKey, admin: null, pins: [] };
  const pools = resolveTrust(options, env);
  const admins = pools.flatMap(({ admin }) => admin ?? []);
  const [admin = null] = admins;
  if (pools.length === 1 && admin !== null) return { vendorKey, admin, pins: [] };
  const pins = pools.flatMap((pool) => pool.pins);
  if (pins.length > 0) return { vendorKey, admin: null, pins };
  throw new LmError(
    'config',
    'Nothing vouches for the file of the seat.',
    "Name the vendor's key (--vendor-key or LM_VENDOR_KEY) or the card of its pool.",
  );
}
