/**
 * `bun test/simulation/pool/mutants.ts [--of pools | members | recovery | versions] [--from N]
 * [--seeds N] [NAME…]`: in which seeds each mutant is found. Where a change of the core or of the simulator
 * moved them, the numbers in pool-mutants.ts, members-mutants.ts and recovery-mutants.ts move along.
 */
import { parseArgs } from 'node:util';
import { CLAIMS_MUTANTS, RARE_CLAIMS_MUTANTS } from '../claims-mutants.ts';
import { COMMUTER_MUTANTS, RARE_COMMUTER_MUTANTS } from '../commuter-mutants.ts';
import { poolCopyWith } from '../copy.ts';
import { MEMBERS_MUTANTS, RARE_MEMBERS_MUTANTS } from '../members-mutants.ts';
import type { Mutant } from '../mutant.ts';
import { POOL_MUTANTS, RARE_POOL_MUTANTS } from '../pool-mutants.ts';
import { GUARDED_RECOVERY_MUTANTS, RECOVERY_MUTANTS } from '../recovery-mutants.ts';
import { UPGRADE_MUTANTS } from '../upgrade-mutants.ts';
import type { Membership } from './world.ts';

interface Group {
  readonly members: Membership;
  readonly mutants: readonly Mutant[];
}

const GROUPS: Readonly<Record<string, Group>> = {
  pools: {
    members: false,
    mutants: [
      ...[...POOL_MUTANTS, ...COMMUTER_MUTANTS, ...CLAIMS_MUTANTS],
      ...[...RARE_POOL_MUTANTS, ...RARE_COMMUTER_MUTANTS, ...RARE_CLAIMS_MUTANTS],
    ],
  },
  members: { members: true, mutants: [...MEMBERS_MUTANTS, ...RARE_MEMBERS_MUTANTS] },
  versions: { members: 'versions', mutants: UPGRADE_MUTANTS },
  recovery: { members: 'lost', mutants: [...RECOVERY_MUTANTS, ...GUARDED_RECOVERY_MUTANTS] },
};

const { values, positionals } = parseArgs({
  options: {
    of: { type: 'string', default: 'pools' },
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '60' },
  },
  allowPositionals: true,
});
const first = Number(values.from);
const group = GROUPS[values.of];
if (group === undefined) throw new Error(`--of is one of ${Object.keys(GROUPS).join(', ')}`);

for (const { name, patches } of group.mutants) {
  if (positionals.length > 0 && !positionals.some((word) => name.includes(word))) continue;
  const copy = await poolCopyWith(patches, group.members);
  const found: number[] = [];
  for (let seed = first; seed < first + Number(values.seeds); seed++) {
    try {
      copy.world(seed).run();
    } catch {
      found.push(seed);
    }
  }
  copy.remove();
  console.log(`${name}: ${found.join(', ') || 'NOT FOUND'}`);
}
