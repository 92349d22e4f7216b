/**
 * The highest RLF sequence and epoch that this user has seen of each pool: a server that shows an
 * older one was rolled back, or lags. Best effort: where nothing can be kept, the card's own lowest
 * sequence still counts.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Environment } from './trust.ts';

export interface Seen {
  readonly sequence: number;
  readonly epoch: number;
}

const NOTHING: Seen = { sequence: 0, epoch: 0 };

export class Memory {
  readonly #folder: string | null;

  constructor(env: Environment) {
    this.#folder = folderIn(env);
  }

  /** `anchor` is what the pool is known by: its admin key, or a pin. */
  seen(anchor: string): Seen {
    const path = this.#pathOf(anchor);
    if (path === null) return NOTHING;
    try {
      const { sequence, epoch } = JSON.parse(readFileSync(path, 'utf8')) as Seen;
      if (Number.isSafeInteger(sequence) && Number.isSafeInteger(epoch)) return { sequence, epoch };
    } catch {
      // Not there yet, or damaged: nothing is remembered.
    }
    return NOTHING;
  }

  note(anchor: string, seen: Seen): void {
    const path = this.#pathOf(anchor);
    if (path === null) return;
    try {
      mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
      const temporary = `${path}.${process.pid}`;
      writeFileSync(temporary, `${JSON.stringify(seen)}\n`, { mode: 0o600 });
      renameSync(temporary, path);
    } catch {
      // A home that can't be written to is no reason to refuse work.
    }
  }

  #pathOf(anchor: string): string | null {
    if (this.#folder === null) return null;
    const name = createHash('sha256').update(anchor).digest('hex').slice(0, 32);
    return join(this.#folder, `${name}.json`);
  }
}

function folderIn(env: Environment): string | null {
  const state = env['XDG_STATE_HOME'];
  if (state !== undefined && isAbsolute(state)) return join(state, 'lm', 'seen');
  const home = env['HOME'] ?? homeOrNull();
  return home !== null && isAbsolute(home) ? join(home, '.local', 'state', 'lm', 'seen') : null;
}

function homeOrNull(): string | null {
  try {
    return homedir();
  } catch {
    return null;
  }
}
