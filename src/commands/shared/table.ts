/** Tables for people: columns as wide as their widest cell, numbers to the right. */
import { printable } from './printable.ts';

/** Null is what a server does not know: the X of the figures. */
export type Cell = string | number | null;

export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const texts = rows.map((row) => row.map(textOf));
  const widths = headings.map((heading, column) =>
    Math.max(Bun.stringWidth(heading), ...texts.map((row) => Bun.stringWidth(row[column] ?? ''))),
  );
  const numeric = headings.map((_, column) =>
    rows.every((row) => typeof (row[column] || 0) === 'number'),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const padding = ' '.repeat((widths[column] ?? 0) - Bun.stringWidth(cell));
        return numeric[column] === true ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  return [headings, ...texts].map((cells) => `${line(cells)}\n`).join('');
}

function textOf(cell: Cell): string {
  return cell === null ? 'X' : printable(String(cell));
}
