/** What options are where nothing goes wrong: the others say how they differ. */
import type { NetworkOptions } from '../options.ts';

export const HEALTHY: NetworkOptions = { latencyMs: 2, slow: 0, slowMs: 0, loss: 0, duplicate: 0 };

/** No fault at all. */
export const NEVER = {
  ...{ killMs: null, loopMs: null, powerMs: null, suspendMs: null, wallJumpMs: null },
  ...{ restoreMs: null, partitionMs: null, partedMs: [], aloneMs: null, siteMs: null },
  ...{ resetMs: null, claimVultures: 0, heldClaims: 0 },
  ...{ cutMs: null, vanishMs: null, pushMs: null, evictMs: null, transferMs: null, rotateMs: null },
  ...{ outageMs: null, vultures: 0, commitFailure: 0, downMs: 0, spares: false },
};

/** Clients that stay where they are answered, and wait for answers. */
export const STEADY = {
  ...{ hasty: 0, hasteMs: 200, mute: 0, restless: 0 },
  ...{ hangsUp: 0.7, strays: 0 },
};

/** The least lifetime of a key, in whole seconds. */
export const LIFETIME_MS_MIN = 26_000;
