/** Mutants are changes to texts: a change of the sources must not leave one without its place. */

import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLAIMS_MUTANTS, RARE_CLAIMS_MUTANTS } from './claims-mutants.ts';
import { COMMUTER_MUTANTS, RARE_COMMUTER_MUTANTS } from './commuter-mutants.ts';
import { MEMBERS_MUTANTS, RARE_MEMBERS_MUTANTS } from './members-mutants.ts';
import { MUTANTS } from './mutants.ts';
import { POOL_MUTANTS, RARE_POOL_MUTANTS } from './pool-mutants.ts';
import { GUARDED_RECOVERY_MUTANTS, RECOVERY_MUTANTS } from './recovery-mutants.ts';
import { UPGRADE_MUTANTS } from './upgrade-mutants.ts';

const ROOT = join(import.meta.dir, '../..');

test('every mutant finds its place, also those that no usual run looks for', () => {
  const usual = [...MUTANTS, ...POOL_MUTANTS, ...COMMUTER_MUTANTS, ...CLAIMS_MUTANTS];
  const rare = [...RARE_POOL_MUTANTS, ...RARE_COMMUTER_MUTANTS, ...RARE_CLAIMS_MUTANTS];
  const changing = [...MEMBERS_MUTANTS, ...RARE_MEMBERS_MUTANTS, ...UPGRADE_MUTANTS];
  const recovery = [...RECOVERY_MUTANTS, ...GUARDED_RECOVERY_MUTANTS];
  const lost: string[] = [];
  for (const { name, patches } of [...usual, ...rare, ...changing, ...recovery]) {
    const texts = new Map<string, string>();
    for (const { file, find, replace } of patches) {
      const parts = (texts.get(file) ?? readFileSync(join(ROOT, file), 'utf8')).split(find);
      if (parts.length !== 2) lost.push(`${name}: ${file} has ${parts.length - 1} times: ${find}`);
      texts.set(file, parts.join(replace));
    }
  }
  expect(lost).toEqual([]);
});
