/** What a program may say to `lm session`, read strictly: a misspelt field is told, not ignored. */

export type SessionMessage =
  | {
      readonly op: 'request';
      readonly id: unknown;
      readonly application: string;
      readonly version: string | undefined;
      readonly vendor: string | undefined;
      readonly count: number | undefined;
      readonly waitMs: number | undefined;
      readonly holdMs: number | undefined;
    }
  | {
      readonly op: 'commute-out';
      readonly id: unknown;
      readonly application: string;
      readonly version: string | undefined;
      readonly vendor: string | undefined;
      readonly count: number | undefined;
      readonly waitMs: number | undefined;
      readonly days: number;
      readonly file: string;
    }
  | { readonly op: 'commute-in' | 'commute-open'; readonly file: string }
  | { readonly op: 'commute-list' }
  | { readonly op: 'cancel'; readonly request: unknown }
  | { readonly op: 'release'; readonly seat: string }
  | { readonly op: 'status'; readonly seat: string | null; readonly pool: boolean };

export interface SessionLine {
  /** What the answer repeats: null where the line had none that could be read. */
  readonly id: string | number | null;
  readonly message: SessionMessage | null;
  /** What is wrong, where there is no message. */
  readonly problem: string;
}

const ID_CHARACTERS_MAX = 255;

/**
 * The fields of each op besides `op` and `id`, with their types; `?` marks those one may leave out.
 */
const SHAPES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  request: {
    application: 'string',
    version: 'string?',
    vendor: 'string?',
    count: 'number?',
    waitMs: 'number?',
    holdMs: 'number?',
  },
  'commute-out': {
    application: 'string',
    days: 'number',
    file: 'string',
    version: 'string?',
    vendor: 'string?',
    count: 'number?',
    waitMs: 'number?',
  },
  'commute-in': { file: 'string' },
  'commute-open': { file: 'string' },
  'commute-list': {},
  cancel: { request: 'id' },
  release: { seat: 'string' },
  status: { seat: 'string?', pool: 'boolean?' },
};

export function readSessionMessage(line: string): SessionLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return bad(null, 'The line is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return bad(null, 'The line is not a JSON object.');
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  const id = idIn(fields.get('id'));
  if (id === null) return bad(null, 'The id is neither a text nor a number.');
  const op = fields.get('op');
  const shape = typeof op === 'string' && Object.hasOwn(SHAPES, op) ? SHAPES[op] : undefined;
  if (shape === undefined) return bad(id, `The op is none of ${Object.keys(SHAPES).join(', ')}.`);
  const problem = problemIn(fields, shape);
  if (problem !== null) return bad(id, problem);
  return { id, message: messageOf(String(op), id, fields), problem: '' };
}

function messageOf(op: string, id: unknown, fields: ReadonlyMap<string, unknown>): SessionMessage {
  const text = (name: string) => optional(fields.get(name), String);
  const number = (name: string) => optional(fields.get(name), Number);
  if (op === 'cancel') return { op, request: fields.get('request') };
  if (op === 'release') return { op, seat: text('seat') ?? '' };
  if (op === 'status') return { op, seat: text('seat') ?? null, pool: fields.get('pool') === true };
  if (op === 'commute-in' || op === 'commute-open') return { op, file: text('file') ?? '' };
  if (op === 'commute-list') return { op };
  const [version, vendor] = [text('version'), text('vendor')];
  const application = (text('application') ?? '').normalize('NFC');
  const numbers = { count: number('count'), waitMs: number('waitMs') };
  const wish = { id, application, version, vendor, ...numbers };
  if (op === 'request') return { op, ...wish, holdMs: number('holdMs') };
  return { op: 'commute-out', ...wish, days: number('days') ?? 0, file: text('file') ?? '' };
}

function problemIn(
  fields: ReadonlyMap<string, unknown>,
  shape: Readonly<Record<string, string>>,
): string | null {
  for (const name of fields.keys()) {
    if (name !== 'op' && name !== 'id' && !Object.hasOwn(shape, name)) {
      return `There is no field ${JSON.stringify(name.slice(0, 40))} in this op.`;
    }
  }
  for (const [name, kind] of Object.entries(shape)) {
    const value = fields.get(name) ?? undefined;
    const fits =
      kind === 'id'
        ? idIn(value) !== null
        : value === undefined
          ? kind.endsWith('?')
          : `${typeof value}` === kind.replace('?', '');
    if (!fits)
      return `The field ${name} is ${value === undefined ? 'missing' : 'of a wrong type'}.`;
  }
  return null;
}

function idIn(value: unknown): string | number | null {
  if (typeof value === 'string' && value.length <= ID_CHARACTERS_MAX) return value;
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function optional<T>(value: unknown, convert: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : convert(value);
}

function bad(id: string | number | null, problem: string): SessionLine {
  return { id, message: null, problem };
}
