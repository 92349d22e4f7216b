/**
 * Reads documents that came from a server, which may be of a later version: what is missing or of
 * another kind is unknown, and shows as X.
 */
import { printable } from './printable.ts';
import type { Cell } from './table.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function cell(value: unknown): Cell {
  return typeof value === 'string' || typeof value === 'number' ? value : null;
}

export function text(value: unknown): string {
  return value === null || value === undefined ? 'X' : printable(String(value));
}

export function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
