/**
 * The sources and the simulator copied to a folder of their own, with changes to their texts, and
 * loaded from there: a mutant, or the same with limits so small that they are reached.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Membership, PoolWorld } from './pool/world.ts';
import type { World } from './world.ts';

const ROOT = join(import.meta.dir, '../..');
const PARTS = ['src/engine', 'src/net/node.ts', 'test/simulation', 'test/engine/sample-rlf.ts'];

/** A change to one file: the text must be found there, and once only. */
export interface Patch {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Limits that a short simulation reaches. */
export const SMALL_LIMITS: readonly Patch[] = [
  limit('JOURNAL_BYTES_MAX = 1024 * 1024', 'JOURNAL_BYTES_MAX = 2_000'),
  limit('COMPACT_ENTRIES = 4_096', 'COMPACT_ENTRIES = 6'),
  // Whoever lags a little more gets a snapshot.
  {
    file: 'src/engine/raft/options.ts',
    find: 'trailingEntries: 1_024',
    replace: 'trailingEntries: 2',
  },
  limit('HEADROOM_SEATS = 16', 'HEADROOM_SEATS = 1'),
  limit('COMMUTER_DAY_MS = 24 * 3_600_000', 'COMMUTER_DAY_MS = 20_000'),
  limit('COMMUTER_SKEW_MS = 3_600_000', 'COMMUTER_SKEW_MS = 12_000'),
];

export interface Copy<W> {
  readonly world: (seed: number) => W;
  remove(): void;
}

/** Throws where a text to change is not found. */
export async function copyWith(patches: readonly Patch[]): Promise<Copy<World>> {
  const folder = copyOf(patches);
  const { World: Loaded } = (await import(join(folder, 'test/simulation/world.ts'))) as {
    World: new (seed: number) => World;
  };
  return { world: (seed) => new Loaded(seed), remove: () => removeCopy(folder) };
}

/** The same, for pools of several servers; with `members` those whose servers come and go. */
export async function poolCopyWith(
  patches: readonly Patch[],
  members: Membership = false,
): Promise<Copy<PoolWorld>> {
  const folder = copyOf(patches);
  const { PoolWorld: Loaded } = (await import(join(folder, 'test/simulation/pool/world.ts'))) as {
    PoolWorld: new (seed: number, log: null, members: Membership) => PoolWorld;
  };
  return { world: (seed) => new Loaded(seed, null, members), remove: () => removeCopy(folder) };
}

/** The folder of a copy of these parts, with changes. Throws where one of them finds no place. */
export function copyOf(patches: readonly Patch[], parts: readonly string[] = PARTS): string {
  const folder = mkdtempSync(join(tmpdir(), 'lm-copy-'));
  for (const part of parts) {
    mkdirSync(dirname(join(folder, part)), { recursive: true });
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const patch of patches) apply(folder, patch);
  return folder;
}

export function removeCopy(folder: string): void {
  rmSync(folder, { recursive: true });
}

function apply(folder: string, { file, find, replace }: Patch): void {
  const path = join(folder, file);
  const parts = readFileSync(path, 'utf8').split(find);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${find}`);
  writeFileSync(path, parts.join(replace));
}

function limit(find: string, replace: string): Patch {
  return { file: 'src/engine/limits.ts', find, replace };
}
