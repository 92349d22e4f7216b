import { FORMAT_MAX } from './ledger/format.ts';

/** What runs a server, as it tells the others: for status, and for who raises the format. */
export interface Program {
  /** Of lm, for people. */
  readonly version: string;
  /** The highest protocol that it speaks, and the highest format that it understands. */
  readonly protocol: number;
  readonly format: number;
}

/** One that says nothing of itself. */
export const UNNAMED: Program = { version: '', protocol: 1, format: FORMAT_MAX };
