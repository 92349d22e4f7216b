/**
 * The licenses of a simulation and the RLFs that grant them, with what they should mean worked out
 * here once more, apart from the engine.
 */
import type { Rlf } from '../../src/engine/license/types.ts';
import { makeRlf } from '../engine/sample-rlf.ts';
import { WALL_START } from './host.ts';
import type { Random } from './random.ts';

export interface Code {
  readonly id: string;
  readonly application: string;
  readonly version: string;
  readonly limit: number;
  readonly lifetimeMs: number;
  /** Wall time, or null. */
  readonly begins: number | null;
  readonly ends: number | null;
  /** Seats given to the server at the start; null for all of them. */
  readonly given: number | null;
}

/** An RLF as the simulation means it. */
export interface Grants {
  readonly sequence: number;
  readonly codes: readonly Code[];
}

export const APPLICATIONS = ['Alpha', 'Beta', 'Überbau'] as const;
const VERSIONS = ['1.0', '2.0', '2.0.1'] as const;

/** What the ledger calls a license; versions that differ in trailing zeros are one. */
export function licenseId({
  application,
  version,
}: {
  application: string;
  version: string;
}): string {
  return JSON.stringify(['Acme', application, version.replace(/(\.0)+$/, '')]);
}

export function rlfOf({ sequence, codes }: Grants): Rlf {
  const samples = codes.map(
    ({ id, application, version, limit, lifetimeMs, begins, ends, given }) => {
      const grant = { id, application, version, limit, keyLifetimeMs: lifetimeMs };
      const distribution = given === null ? null : { A: given };
      return { ...grant, notBefore: begins, expires: ends, distribution };
    },
  );
  return makeRlf({ sequence, codes: samples });
}

export function isActive({ begins, ends }: Code, mark: number): boolean {
  return (begins === null || begins <= mark) && (ends === null || ends > mark);
}

/** The codes of a license that may be used at that time. */
export function activeCodes(grants: Grants, license: string, mark: number): Code[] {
  return grants.codes.filter((code) => licenseId(code) === license && isActive(code, mark));
}

export function limitOf(grants: Grants, license: string, mark: number): number {
  return activeCodes(grants, license, mark).reduce((sum, { limit }) => sum + limit, 0);
}

export function licensesOf(grants: Grants): string[] {
  return [...new Set(grants.codes.map(licenseId))];
}

/** How the RLFs of one simulation are drawn. */
export interface LicenseOptions {
  readonly applications: number;
  /** Whether an application may have several versions. */
  readonly versions: boolean;
  readonly seatsMax: number;
  /** Whether codes begin and end while the simulation runs. */
  readonly dates: boolean;
  readonly lifetimeMs: { readonly min: number; readonly max: number };
  readonly durationMs: number;
}

export function drawGrants(sequence: number, options: LicenseOptions, random: Random): Grants {
  const codes: Code[] = [];
  for (const application of APPLICATIONS.slice(0, options.applications)) {
    // Now and then an RLF drops an application, but for the first.
    if (codes.length > 0 && random.chance(0.15)) continue;
    const versions = options.versions ? VERSIONS.slice(0, random.integer(1, 3)) : ['1.0'];
    for (const version of versions) {
      const count = random.chance(0.6) ? 1 : random.integer(2, 3);
      for (let n = 0; n < count; n++) {
        const id = `${sequence}:${codes.length}`;
        codes.push(drawCode({ id, application, version }, options, random));
      }
    }
  }
  return { sequence, codes };
}

/** What every RLF ends with: no dates, seats enough for every request. */
export function finalGrants(sequence: number, options: LicenseOptions): Grants {
  const codes = APPLICATIONS.slice(0, options.applications).map((application, at) => ({
    ...{ id: `${sequence}:${at}`, application, version: '9.0', limit: options.seatsMax },
    ...{ lifetimeMs: options.lifetimeMs.min, begins: null, ends: null, given: null },
  }));
  return { sequence, codes };
}

function drawCode(
  of: Pick<Code, 'id' | 'application' | 'version'>,
  { seatsMax, dates, lifetimeMs, durationMs }: LicenseOptions,
  random: Random,
): Code {
  const limit = random.integer(1, seatsMax);
  const dated = dates && random.chance(0.5);
  const begins = dated && random.chance(0.4) ? wallSecond(random, durationMs) : null;
  const ends = dated && random.chance(0.7) ? wallSecond(random, durationMs) : null;
  return {
    ...of,
    limit,
    lifetimeMs: 1_000 * Math.round(random.between(lifetimeMs.min, lifetimeMs.max) / 1_000),
    begins,
    ends: ends !== null && begins !== null && ends <= begins ? null : ends,
    given: random.chance(0.5) ? null : random.integer(0, limit),
  };
}

/** A date within the simulation, or shortly before it. */
function wallSecond(random: Random, durationMs: number): number {
  return 1_000 * Math.floor((WALL_START + random.between(-0.2, 1) * durationMs) / 1_000);
}
