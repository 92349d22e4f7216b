import { LmError } from '../../engine/errors.ts';
import { nameProblem } from '../../engine/license/names.ts';
import { checkedText } from './text-flag.ts';

/** Reads `A=40,B=30,C=30`. Throws `usage`. */
export function parseDistribution(text: string): Map<string, number> {
  const rows = new Map<string, number>();
  for (const part of text.split(',')) {
    const [, name = '', seats = ''] = ROW.exec(part) ?? [];
    if (name === '') {
      const hint = 'Write SERVER=SEATS, joined by commas, such as A=40,B=30,C=30.';
      throw new LmError('usage', 'This is not a distribution.', hint);
    }
    checkedText(name, nameProblem);
    if (rows.has(name)) {
      throw new LmError('usage', `The distribution names ${name} twice.`, 'Name it once.');
    }
    rows.set(name, Number(seats));
  }
  return rows;
}

const ROW = /^\s*([^\s=]+)=([0-9]{1,9})\s*$/;
