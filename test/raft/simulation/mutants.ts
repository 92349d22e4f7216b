/**
 * Raft with one defect each, made by replacing a piece of its source in a copy of it: the shipped
 * code knows nothing of them. A replacement whose text is gone fails, so none goes stale.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Raft } from '../../../src/engine/raft/raft.ts';
import type { Build } from './world.ts';

const ENGINE = join(import.meta.dir, '../../../src/engine');

export interface Mutant {
  readonly name: string;
  /** Found within `seedsMax` seeds from `from` (1 unless said) on; mutants.ts measures it. */
  readonly from?: number;
  readonly seedsMax: number;
  readonly file?: string;
  readonly find?: string;
  readonly replace?: string;
  readonly repliesBeforeFlush?: boolean;
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'vote not persisted',
    from: 59,
    seedsMax: 80,
    file: 'state.ts',
    find: 'hardState: isDirty ? { term, votedFor } : null',
    replace: 'hardState: isDirty ? { term, votedFor: null } : null',
  },
  {
    name: 'term not persisted',
    from: 2,
    seedsMax: 20,
    file: 'state.ts',
    find: 'hardState: isDirty ? { term, votedFor } : null',
    replace: 'hardState: null',
  },
  { name: 'reply before flush', from: 2, seedsMax: 10, repliesBeforeFlush: true },
  {
    name: 'own vote counted before it is on disk',
    from: 24,
    seedsMax: 150,
    file: 'election.ts',
    find: '  raft.ownVoteBatch = raft.batch + 1;\n',
    replace: '  raft.votes.set(raft.id, true);\n  concludeVote(raft);\n',
  },
  {
    name: 'own log counted before it is on disk',
    seedsMax: 20,
    file: 'replication.ts',
    find: 'id === raft.id ? log.stable :',
    replace: 'id === raft.id ? log.lastIndex :',
  },
  {
    name: 'log truncated though it agrees',
    from: 3,
    seedsMax: 20,
    file: 'log.ts',
    find: 'if (this.term(entry.index) === entry.term) continue;',
    replace: 'if (entry.index <= this.#committed) continue;',
  },
  {
    name: 'conflicting entries kept',
    from: 3,
    seedsMax: 30,
    file: 'log.ts',
    find: 'if (this.term(entry.index) === entry.term) continue;',
    replace: 'if (entry.index <= this.lastIndex) continue;',
  },
  {
    name: 'previous entry not checked',
    from: 6,
    seedsMax: 40,
    file: 'log.ts',
    find: 'if (this.term(previousIndex) !== previousTerm) return null;',
    replace: 'if (this.term(previousIndex) === null) return null;',
  },
  {
    name: "an earlier term's entry committed by count",
    from: 3,
    seedsMax: 30,
    file: 'replication.ts',
    find: 'if (index <= log.committed || log.term(index) !== raft.term) return false;',
    replace: 'if (index <= log.committed) return false;',
  },
  {
    name: 'commit beyond what is known to agree',
    from: 38,
    seedsMax: 80,
    file: 'follower.ts',
    find: 'Math.min(message.commit, agreed)',
    replace: 'Math.min(message.commit, log.lastIndex)',
  },
  {
    name: 'membership change before the previous is committed',
    from: 13,
    seedsMax: 40,
    file: 'leader.ts',
    find: "if (log.configurations.newest.index > log.committed) return 'change-pending';",
    replace: '',
  },
  {
    name: 'membership change before a commit of the own term',
    seedsMax: 40,
    file: 'leader.ts',
    find: "if (log.term(log.committed) !== raft.term) return 'not-established';",
    replace: '',
  },
  {
    name: 'a removed leader counts itself',
    from: 2,
    seedsMax: 30,
    file: 'membership.ts',
    find: 'const values = configuration.voters.map(reached)',
    replace: "const values = [...new Set([...configuration.voters, 'A'])].map(reached)",
  },
  {
    name: 'learners counted',
    from: 2,
    seedsMax: 30,
    file: 'membership.ts',
    find: 'const values = configuration.voters.map(reached)',
    replace: 'const values = Object.values(configuration).flat().map(reached)',
  },
  {
    name: 'snapshot said to be of a later index',
    from: 3,
    seedsMax: 20,
    file: 'log.ts',
    find: '  compact(index: number, data: Uint8Array, trailing: number): void {\n',
    replace:
      '  compact(index: number, data: Uint8Array, trailing: number): void {\n' +
      '    index = this.#applied;\n',
  },
  {
    name: 'snapshot without its last piece',
    from: 3,
    seedsMax: 20,
    file: 'snapshot.ts',
    find: 'if (incoming.bytes < totalBytes) {',
    replace: 'if (incoming.bytes < totalBytes - 100) {',
  },
  {
    name: 'snapshot put together from pieces of two',
    from: 57,
    seedsMax: 100,
    file: 'snapshot.ts',
    find: '    incoming.index === index &&\n    incoming.indexTerm === indexTerm;',
    replace: '    incoming.indexTerm === indexTerm;',
  },
  {
    name: 'snapshot without its configuration',
    from: 25,
    seedsMax: 60,
    file: 'log.ts',
    find: 'const configuration = this.configurations.at(index);',
    replace: 'const configuration = this.#snapshot.configuration;',
  },
  {
    name: 'logs of candidates not compared',
    from: 2,
    seedsMax: 30,
    file: 'log.ts',
    find: 'return lastTerm > this.lastTerm ||',
    replace: 'return lastTerm >= 0 || lastTerm > this.lastTerm ||',
  },
  {
    name: 'a second vote in a term',
    from: 2,
    seedsMax: 30,
    file: 'election.ts',
    find: 'const isFree = raft.votedFor === null && raft.leader === null;',
    replace: 'const isFree = raft.leader === null;',
  },
  {
    name: 'pre-vote that disturbs a leader',
    from: 5,
    seedsMax: 40,
    file: 'election.ts',
    find: "if (raft.hearsLeader) reason = 'leader-heard';\n  else if",
    replace: 'if',
  },
  {
    name: 'a stale leader is not told',
    from: 121,
    seedsMax: 200,
    file: 'raft.ts',
    find: 'if (isLeaderMessage(message)) refuseStaleLeader(raft, message);',
    replace: '',
  },
  {
    name: 'lost messages not sent again',
    seedsMax: 20,
    file: 'leader.ts',
    find: 'else resendLost(raft, from, round);',
    replace: '',
  },
  {
    name: 'a server whose removal is not committed does not campaign',
    from: 85,
    seedsMax: 200,
    file: 'state.ts',
    find: 'if (newest.index <= this.log.committed || previous === null) return false;',
    replace: 'return false;',
  },
  {
    name: 'an unflushed batch counts for the entries that replaced it',
    from: 75,
    seedsMax: 200,
    file: 'log.ts',
    find: '    this.#clampFlushing(from - 1);\n    this.#markUnsaved(from);',
    replace: '    this.#markUnsaved(from);',
  },
];

/** Calls `use` with the mutant, built in a directory of its own that is removed afterwards. */
export async function withMutant<T>(mutant: Mutant, use: (build: Build) => T): Promise<T> {
  const { file, find, replace, repliesBeforeFlush } = mutant;
  if (file === undefined || find === undefined || replace === undefined) {
    return use({ Raft, repliesBeforeFlush: repliesBeforeFlush === true });
  }
  const folder = mkdtempSync(join(tmpdir(), 'raft-mutant-'));
  try {
    cpSync(join(ENGINE, 'raft'), join(folder, 'raft'), { recursive: true });
    cpSync(join(ENGINE, 'errors.ts'), join(folder, 'errors.ts'));
    const path = join(folder, 'raft', file);
    const source = readFileSync(path, 'utf8');
    if (source.split(find).length !== 2) {
      throw new Error(`mutant "${mutant.name}": its text is not exactly once in ${file}`);
    }
    writeFileSync(
      path,
      source.replace(find, () => replace),
    );
    const module: Build = await import(join(folder, 'raft', 'raft.ts'));
    return use({ Raft: module.Raft });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
