/** FIG. 5 to 11 as tables: a row per server, and the pool; null is what a follower can't know. */

/** [allocated, in use, available]. */
export type Row = readonly [number, number | null, number | null];

export interface ServerTable {
  readonly server: string;
  readonly rows: Readonly<Record<string, Row>>;
  /** Available in the whole pool. */
  readonly available: number | null;
}

export interface Figure {
  readonly title: string;
  readonly tables: readonly ServerTable[];
}

const ALLOCATED = { A: 40, B: 30, C: 30 } as const;

type Used = Readonly<Record<keyof typeof ALLOCATED, number>>;

/** The leader knows everything, a follower its own row. */
function tableOf(server: keyof typeof ALLOCATED, leader: string, used: Used): ServerTable {
  const rows: Record<string, Row> = {};
  let available = 0;
  for (const name of ['A', 'B', 'C'] as const) {
    const allocated = ALLOCATED[name];
    const left = allocated - used[name];
    available += left;
    const isKnown = server === leader || server === name;
    rows[name] = isKnown ? [allocated, used[name], left] : [allocated, null, null];
  }
  return { server, rows, available: server === leader ? available : null };
}

function figure(
  number: number,
  what: string,
  { leader, up, used }: { readonly leader: string; readonly up: string; readonly used: Used },
): Figure {
  const names = (['A', 'B', 'C'] as const).filter((name) => up.includes(name));
  const tables = names.map((name) => tableOf(name, leader, used));
  return { title: `FIG. ${number}: ${what}`, tables };
}

const BY_A = { leader: 'A', up: 'ABC' };
const BY_B = { leader: 'B', up: 'BC' };

export const FIGURES = {
  5: figure(5, 'the pool has started; A leads', { ...BY_A, used: { A: 0, B: 0, C: 0 } }),
  6: figure(6, 'B has granted one', { ...BY_A, used: { A: 0, B: 1, C: 0 } }),
  7: figure(7, 'C has granted one', { ...BY_A, used: { A: 0, B: 1, C: 1 } }),
  8: figure(8, 'the leader has granted one', { ...BY_A, used: { A: 1, B: 1, C: 1 } }),
  9: figure(9, 'A has died; B leads', { ...BY_B, used: { A: 0, B: 1, C: 1 } }),
  10: figure(10, "A's client has its seat from B now", { ...BY_B, used: { A: 0, B: 2, C: 1 } }),
  11: figure(11, 'A is back, a follower', { ...BY_B, up: 'ABC', used: { A: 0, B: 2, C: 1 } }),
} as const satisfies Record<number, Figure>;
