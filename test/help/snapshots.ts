/** Texts kept beside the tests: compared, or written anew where LM_REWRITE is set. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const REWRITE = 'Where this is meant: LM_REWRITE=1 bun test test/help.test.ts';

/** Names of the texts in `folder` that are not as `texts` says: changed, missing or left over. */
export function differing(folder: string, texts: ReadonlyMap<string, string>): string[] {
  if (process.env['LM_REWRITE']) rewrite(folder, texts);
  const kept = new Map(namesIn(folder).map((name) => [name, read(folder, name)]));
  const names = new Set([...kept.keys(), ...texts.keys()]);
  return [...names].filter((name) => kept.get(name) !== texts.get(name)).sort();
}

export function read(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

function rewrite(folder: string, texts: ReadonlyMap<string, string>): void {
  mkdirSync(folder, { recursive: true });
  for (const name of namesIn(folder)) {
    if (!texts.has(name)) rmSync(join(folder, name));
  }
  for (const [name, text] of texts) writeFileSync(join(folder, name), text);
}

function namesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.txt'));
}
