/** Files that people name on the command line: read within bounds, written whole or not at all. */
import { closeSync, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { type ErrorCode, LmError } from '../../engine/errors.ts';
import { type Writing, writeDurably } from '../../net/client/durable-file.ts';
import { codeOf, fileError } from './file-errors.ts';

export interface Reading {
  readonly bytesMax: number;
  /** The error of a file that can't be read: `bad-data`, or `config` for what sets lm up. */
  readonly code: ErrorCode;
  /** Looks at the file before it is read; throws to refuse it. */
  readonly check?: (stats: Stats) => void;
}

/** The text of a file, or of standard input for `-`. */
export async function readText(path: string, reading: Reading): Promise<string> {
  const bytes = path === '-' ? await readStdin(reading) : readFile(path, reading);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new LmError(reading.code, `${fileName(path)} is not text in UTF-8.`, '');
  }
}

/** Writes a file so that a crash leaves the old one or the new one, and never half of either. */
export function writeText(path: string, text: string, writing: Writing = {}): void {
  try {
    writeDurably(path, text, writing);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      const hint = 'Name another file, or remove this one first if nobody needs it.';
      throw new LmError('config', `${path} exists already and is left as it is.`, hint);
    }
    throw fileError('config', { path, doing: 'written', error });
  }
}

export function fileName(path: string): string {
  return path === '-' ? 'standard input' : path;
}

function readFile(path: string, { bytesMax, code, check }: Reading): Uint8Array {
  try {
    const file = openSync(path, 'r');
    try {
      const stats = fstatSync(file);
      check?.(stats);
      if (stats.isDirectory()) throw new LmError(code, `${path} is a directory.`, 'Name a file.');
      const bytes = Buffer.allocUnsafe(bytesMax + 1);
      let length = 0;
      for (let n = -1; n !== 0 && length < bytes.length; length += n) {
        n = readSync(file, bytes, length, bytes.length - length, null);
      }
      if (length > bytesMax) throw tooLarge(path, { bytesMax, code });
      return bytes.subarray(0, length);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError(code, { path, doing: 'read', error });
  }
}

async function readStdin({ bytesMax, code }: Reading): Promise<Uint8Array> {
  if (stdinWasRead) {
    throw new LmError('usage', 'Standard input can stand for one file only.', 'Name the others.');
  }
  stdinWasRead = true;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of Bun.stdin.stream()) {
    length += chunk.length;
    if (length > bytesMax) throw tooLarge('-', { bytesMax, code });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

let stdinWasRead = false;

function tooLarge(path: string, { bytesMax, code }: Reading): LmError {
  return new LmError(
    code,
    `${fileName(path)} is larger than ${bytesMax} bytes.`,
    'Check the path.',
  );
}
