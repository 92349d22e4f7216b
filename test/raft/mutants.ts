/** `bun test/raft/mutants.ts [--seeds N] [NAME…]`: in which seeds each mutant is found. */
import { parseArgs } from 'node:util';
import { MUTANTS, withMutant } from './simulation/mutants.ts';
import { run } from './simulation/run.ts';

const { values, positionals } = parseArgs({
  options: { seeds: { type: 'string', default: '300' }, find: { type: 'string', default: '5' } },
  allowPositionals: true,
});

for (const mutant of MUTANTS) {
  if (positionals.length > 0 && !positionals.some((name) => mutant.name.includes(name))) continue;
  const found: string[] = [];
  await withMutant(mutant, (build) => {
    for (let seed = 1; seed <= Number(values.seeds); seed += 1) {
      const { violation } = run(build, seed);
      if (violation === null) continue;
      found.push(`${seed} ${violation.property}`);
      if (found.length === Number(values.find)) break;
    }
  });
  console.log(`${mutant.name}: ${found.join(', ') || 'NOT FOUND'}`);
}
