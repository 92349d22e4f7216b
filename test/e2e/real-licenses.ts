/**
 * Three vendors and 300 licenses as real sites have them: several versions of one application,
 * dates past, future and none, odd distributions and none, codes that add up, names in many
 * scripts. And, apart from lm, what each request has to get.
 */
import { Random } from './random.ts';

export const VENDORS = ['Acme', 'Ueber.Soft-GmbH', '3D_tools'] as const;
const LICENSES_PER_VENDOR = 100;

export interface RealCode {
  readonly limit: number;
  /** Seats of server A at the start, null for no distribution. */
  readonly allocated: number | null;
  readonly dates: 'none' | 'current' | 'past' | 'future';
}

export interface RealLicense {
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly codes: readonly RealCode[];
}

/** Composed and combining characters, right-to-left letters, emoji, and what shells trip over. */
const NAMES = [
  'CAD',
  'Simulation Suite',
  'Größenrechner',
  'Éditeur de modèles',
  'モデラー',
  '有限元分析',
  'Решатель',
  'محلل',
  'Ångström',
  'x̂-estimator',
  'q̃ r̄ s̈',
  '🚀 Rocket',
  '👩‍🔬 Lab',
  '🇦🇹 Steuer',
  `O'Neil & Söhne "pro" <beta>`,
  'C:\\tools\\x',
  'a=b;c,d',
  '$(touch gone) `id` %s %n',
  '-dash',
  '{"json": [1]}',
  'é'.repeat(127),
];

/** Lowest first. */
const VERSIONS = ['1', '1.0.1', '2.0', '2.10', '3.0.0.0.0.0.0.7', '2024.10.1'];

/** Always the same 300. */
export function realLicenses(): RealLicense[] {
  const random = new Random(300);
  return VENDORS.flatMap((vendor) => {
    const licenses: RealLicense[] = [];
    for (let family = 0; licenses.length < LICENSES_PER_VENDOR; family++) {
      const name = NAMES[family % NAMES.length] ?? '';
      const round = Math.floor(family / NAMES.length);
      const application = round === 0 ? name : `${name.slice(0, 100)} ${round}`;
      const many = random.chance(0.3) ? 1 + random.below(VERSIONS.length) : 1;
      for (const version of VERSIONS.slice(0, many)) {
        if (licenses.length === LICENSES_PER_VENDOR) break;
        const codes = Array.from({ length: random.chance(0.25) ? 3 : 1 }, () =>
          realCode(random, many === 1),
        );
        licenses.push({ vendor, application, version, codes });
      }
    }
    return licenses;
  });
}

function realCode(random: Random, odd: boolean): RealCode {
  const limit = random.chance(0.05) ? 100_000 + random.below(1_000) : 1 + random.below(40);
  const allocated = odd ? random.pick([null, 0, limit, Math.floor(limit / 3)]) : null;
  const dates = random.pick(['none', 'none', 'none', 'current', 'past', 'future'] as const);
  return { limit, allocated, dates };
}

export function isActive({ dates }: RealCode): boolean {
  return dates === 'none' || dates === 'current';
}

/** The hard limit today. */
export function limitOf({ codes }: RealLicense): number {
  return codes.filter(isActive).reduce((sum, { limit }) => sum + limit, 0);
}

/** What the licenses have to give, request by request, as the documentation says it. */
export class Expected {
  readonly licenses: readonly RealLicense[];
  readonly #inUse = new Map<RealLicense, number>();

  constructor(licenses: readonly RealLicense[]) {
    this.licenses = licenses;
  }

  inUse(license: RealLicense): number {
    return this.#inUse.get(license) ?? 0;
  }

  /** It is licensed in one version. */
  alone({ vendor, application }: RealLicense): boolean {
    const same = (one: RealLicense) => one.vendor === vendor && one.application === application;
    return this.licenses.filter(same).length === 1;
  }

  /** The license that serves a request for this one's version, or the code of the denial. */
  request({ vendor, application, version }: RealLicense, count = 1): RealLicense | string {
    const covering = this.licenses
      .filter((one) => one.vendor === vendor && one.application === application)
      .filter((one) => VERSIONS.indexOf(one.version) >= VERSIONS.indexOf(version));
    const active = covering.filter((one) => limitOf(one) > 0);
    const serving = active.find((one) => this.inUse(one) + count <= limitOf(one));
    if (serving !== undefined) {
      this.#inUse.set(serving, this.inUse(serving) + count);
      return serving;
    }
    if (active.some((one) => count <= limitOf(one))) return 'all-in-use';
    if (active.length > 0) return 'exceeds-limit';
    const coming = covering.some(({ codes }) => codes.some(({ dates }) => dates === 'future'));
    return coming ? 'not-yet-valid' : 'expired';
  }
}
