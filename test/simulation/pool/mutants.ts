/**
 * `bun test/simulation/pool/mutants.ts [--from N] [--seeds N] [NAME…]`: in which seeds each mutant
 * of a pool is found. Where a change of the core or of the simulator moved them, the numbers in
 * pool-mutants.ts move along.
 */
import { parseArgs } from 'node:util';
import { CLAIMS_MUTANTS, RARE_CLAIMS_MUTANTS } from '../claims-mutants.ts';
import { COMMUTER_MUTANTS, RARE_COMMUTER_MUTANTS } from '../commuter-mutants.ts';
import { poolCopyWith } from '../copy.ts';
import { POOL_MUTANTS, RARE_POOL_MUTANTS } from '../pool-mutants.ts';

const { values, positionals } = parseArgs({
  options: { from: { type: 'string', default: '1' }, seeds: { type: 'string', default: '60' } },
  allowPositionals: true,
});
const first = Number(values.from);
const usual = [...POOL_MUTANTS, ...COMMUTER_MUTANTS, ...CLAIMS_MUTANTS];
const rare = [...RARE_POOL_MUTANTS, ...RARE_COMMUTER_MUTANTS, ...RARE_CLAIMS_MUTANTS];

for (const { name, patches } of [...usual, ...rare]) {
  if (positionals.length > 0 && !positionals.some((word) => name.includes(word))) continue;
  const copy = await poolCopyWith(patches);
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
