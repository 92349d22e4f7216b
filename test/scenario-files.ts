/**
 * Scenarios: text in, text out. Lines that begin with `> ` are commands, `#` lines and blank lines
 * stay, everything else is the output expected of the command above.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ScenarioRunner {
  /** Carries a command out; returns the lines that it shows. */
  run(command: string): string[];
}

export class ScenarioFiles {
  readonly #folder: string;
  readonly #begin: () => ScenarioRunner;

  /** The scenarios of a folder; each is run by a runner of its own. */
  constructor(folder: string, begin: () => ScenarioRunner) {
    this.#folder = folder;
    this.#begin = begin;
  }

  get names(): string[] {
    return readdirSync(this.#folder)
      .filter((name) => name.endsWith('.txt'))
      .sort();
  }

  read(name: string): string {
    return readFileSync(join(this.#folder, name), 'utf8');
  }

  /** The text as it should be. */
  run(text: string): string {
    const runner = this.#begin();
    const result: string[] = [];
    for (const line of text.split('\n')) {
      if (line.startsWith('#') || line === '') result.push(line);
      if (!line.startsWith('> ')) continue;
      result.push(line, ...runner.run(line.slice(2)));
    }
    return `${result.join('\n').trimEnd()}\n`;
  }

  /** `--rewrite [NAME…]`: writes what the scenarios show now into them. */
  rewrite([flag, ...wanted]: readonly string[]): void {
    if (flag !== '--rewrite') throw new Error('the only thing to do here is --rewrite [NAME…]');
    for (const name of this.names) {
      if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
      writeFileSync(join(this.#folder, name), this.run(this.read(name)));
    }
  }
}
