/**
 * From license codes to licenses, and to how their seats start out (FIG. 4, DESIGN section 8 "Free
 * pool"). Codes for one vendor, application and version add up to one license.
 */
import type { Rlf, RlfLicense, RlfServer } from './types.ts';
import { compareVersions, versionKey } from './version.ts';

/** The codes of one RLF that add up. */
export interface License {
  readonly vendor: string;
  readonly application: string;
  /** As its first code spells it. */
  readonly version: string;
  /** In the order of the RLF; at least one. */
  readonly codes: readonly RlfLicense[];
  /** The sum of the codes' limits, whatever their dates. */
  readonly hardLimit: number;
}

export interface Distribution {
  /** Seats by server, every server of the list, in its order. */
  readonly rows: ReadonlyMap<string, number>;
  readonly freePool: number;
}

/** The licenses of an RLF, sorted by vendor, application and version. */
export function licensesOf(rlf: Pick<Rlf, 'licenses'>): License[] {
  const groups = new Map<string, RlfLicense[]>();
  for (const license of rlf.licenses) {
    const key = licenseKey(license.code);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [license]);
    else group.push(license);
  }
  return [...groups.values()].map(licenseOf).sort(compareLicenses);
}

/** Equal for codes that add up: versions that compare equal, such as 1 and 1.0, are one. */
export function licenseKey(of: {
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
}): string {
  return JSON.stringify([of.vendor, of.application, versionKey(of.version)]);
}

/**
 * How the seats of one code start out: as its distribution says and the rest in the free pool, or
 * evenly and the remainder in the free pool.
 */
export function initialDistribution(
  license: RlfLicense,
  servers: readonly RlfServer[],
): Distribution {
  return spread([license], servers, ({ name }) => name);
}

/** How all the seats of a license start out: the sum over its codes. */
export function distributionOf(
  { codes }: Pick<License, 'codes'>,
  servers: readonly RlfServer[],
): Distribution {
  return spread(codes, servers, ({ name }) => name);
}

/** The same by server id, which stays a server's own when names change hands. */
export function distributionById(
  { codes }: Pick<License, 'codes'>,
  servers: readonly RlfServer[],
): Distribution {
  return spread(codes, servers, ({ fingerprint }) => fingerprint);
}

function spread(
  codes: readonly RlfLicense[],
  servers: readonly RlfServer[],
  keyOf: (server: RlfServer) => string,
): Distribution {
  const rows = new Map<string, number>();
  let freePool = codes.reduce((sum, { code }) => sum + code.limit, 0);
  for (const server of servers) {
    let seats = 0;
    for (const { code, distribution } of codes) {
      seats +=
        distribution === null
          ? Math.floor(code.limit / servers.length)
          : (distribution.get(server.name) ?? 0);
    }
    rows.set(keyOf(server), seats);
    freePool -= seats;
  }
  return { rows, freePool };
}

/** The servers of an RLF, as the same list where they are those of the one before. */
export function serversAs(
  servers: readonly RlfServer[],
  before: readonly RlfServer[],
): readonly RlfServer[] {
  const isSame = servers.length === before.length;
  const isEach = servers.every(({ name, fingerprint }, at) => {
    return name === before[at]?.name && fingerprint === before[at]?.fingerprint;
  });
  return isSame && isEach ? servers : before;
}

type Spread = readonly [license: License, servers: readonly RlfServer[]];

/** Two RLFs give a license the same limit, and each server the same seats of it to begin with. */
export function isSpreadAlike(a: Spread, b: Spread): boolean {
  if (a[0].hardLimit !== b[0].hardLimit) return false;
  if (a[1] === b[1] && a[0].codes.every((code, at) => isCodeAlike(code, b[0].codes[at]))) {
    return a[0].codes.length === b[0].codes.length;
  }
  const [old, now] = [distributionById(...a), distributionById(...b)];
  if (old.rows.size !== now.rows.size) return false;
  return [...old.rows].every(([server, seats]) => now.rows.get(server) === seats);
}

/** One code is spread as the other: most licenses of a new RLF need no closer look. */
function isCodeAlike(a: RlfLicense, b: RlfLicense | undefined): boolean {
  if (b === undefined || a.code.limit !== b.code.limit) return false;
  const [old, now] = [a.distribution, b.distribution];
  if (old === null || now === null || old.size !== now.size) return old === now;
  for (const [server, seats] of old) if (now.get(server) !== seats) return false;
  return true;
}

function licenseOf(codes: readonly RlfLicense[]): License {
  const hardLimit = codes.reduce((sum, { code }) => sum + code.limit, 0);
  const [first] = codes;
  const { vendor = '', application = '', version = '' } = first?.code ?? {};
  return { vendor, application, version, codes, hardLimit };
}

function compareLicenses(a: License, b: License): number {
  return (
    compareTexts(a.vendor, b.vendor) ||
    compareTexts(a.application, b.application) ||
    compareVersions(a.version, b.version)
  );
}

/** By code unit, the same everywhere, which a locale's order is not. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** What a license's key says, for one that the RLF in force no longer names. */
export function licenseOfKey(key: string): Pick<License, 'vendor' | 'application' | 'version'> {
  const [vendor = '', application = '', version = ''] = JSON.parse(key) as string[];
  return { vendor, application, version };
}
