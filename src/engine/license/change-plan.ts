/**
 * What an RLF does to the seats of a pool that runs (DESIGN section 9, Rollout): which licenses get
 * another limit or distribution, how many seats are in use beyond the new limit, and which seats
 * can move at once. Where seats are free or in use changes all the time: this is how it stands.
 */
import {
  distributionOf,
  isSpreadAlike,
  type License,
  licenseKey,
  licensesOf,
} from './distribution.ts';
import type { Rlf } from './types.ts';

/** A license as the pool has it now. */
export interface LiveLicense {
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly freePool: number;
  readonly rows: readonly {
    readonly server: string;
    readonly allocated: number;
    /** Null where nobody knows. */
    readonly inUse: number | null;
  }[];
}

export interface LicensePlan {
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly hardLimit: { readonly before: number; readonly after: number };
  readonly inUse: number;
  /** Seats in use beyond the new limit: nobody gets a new one before so many came back. */
  readonly over: number;
  /** Servers that give seats up or gain some. */
  readonly moves: readonly {
    readonly server: string;
    readonly before: number;
    readonly after: number;
    /** Of the seats that it gives up: free now, and in use, which wait until they come back. */
    readonly atOnce: number;
    readonly waits: number;
  }[];
}

/** The licenses that change. @param live as a leader's status shows them. */
export function planChange(
  { before, after }: { readonly before: Rlf; readonly after: Rlf },
  live: readonly LiveLicense[],
): LicensePlan[] {
  const old = byKey(before);
  const now = byKey(after);
  const known = new Map(live.map((one) => [licenseKey(one), one]));
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((key) => {
    const [a, b] = [old.get(key), now.get(key)];
    if (a && b && isSpreadAlike([a, before.servers], [b, after.servers])) return [];
    const license = b ?? a;
    return license === undefined ? [] : planOf(license, { a, b, after, live: known.get(key) });
  });
}

function byKey(rlf: Rlf): Map<string, License> {
  return new Map(licensesOf(rlf).map((license) => [licenseKey(license), license]));
}

function planOf(
  { vendor, application, version }: License,
  of: { a: License | undefined; b: License | undefined; after: Rlf; live: LiveLicense | undefined },
): LicensePlan {
  const { a, b, after, live } = of;
  const target =
    b === undefined ? new Map<string, number>() : distributionOf(b, after.servers).rows;
  const rows = new Map(live?.rows.map((row) => [row.server, row]));
  const inUse = [...rows.values()].reduce((sum, row) => sum + (row.inUse ?? 0), 0);
  const hardLimit = { before: a?.hardLimit ?? 0, after: b?.hardLimit ?? 0 };
  const moves = [...new Set([...rows.keys(), ...target.keys()])].flatMap((server) => {
    const row = rows.get(server);
    const had = row?.allocated ?? 0;
    const seats = target.get(server) ?? 0;
    if (had === seats) return [];
    const gives = Math.max(0, had - seats);
    const atOnce = Math.min(gives, Math.max(0, had - (row?.inUse ?? had)));
    return [{ server, before: had, after: seats, atOnce, waits: gives - atOnce }];
  });
  const over = Math.max(0, inUse - hardLimit.after);
  return { vendor, application, version, hardLimit, inUse, over, moves };
}
