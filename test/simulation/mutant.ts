/** A defect that a simulator must find (DESIGN section 12), as changes to the texts of sources. */
import type { Copy, Patch } from './copy.ts';

export interface Mutant {
  readonly name: string;
  readonly patches: readonly Patch[];
  /** It is looked for from this seed on: 1 unless said. */
  readonly from?: number;
  /** And is to be found in so many simulations. */
  readonly seedsMax?: number;
}

interface Simulation {
  run(): unknown;
}

/** Copies the sources with changes, and loads a simulator from there. */
type Load = (patches: readonly Patch[]) => Promise<Copy<Simulation>>;

/** A mutant that lives through so many simulations is not found. */
const SEEDS_MAX = 100;

/** What the first simulation to find something says, or null. */
export async function found(
  load: Load,
  { patches, from = 1, seedsMax = SEEDS_MAX }: Omit<Mutant, 'name'>,
): Promise<string | null> {
  const copy = await load(patches);
  try {
    for (let seed = from; seed < from + seedsMax; seed++) {
      try {
        copy.world(seed).run();
      } catch (error) {
        return String(error);
      }
    }
    return null;
  } finally {
    copy.remove();
  }
}
