/** A process of clients, as the test has it: started, told what to do, and listened to. */
import type { Subprocess } from 'bun';
import { until } from '../../client/until.ts';
import type { HolderCommand, HolderGroup, HolderLine } from './holder-process.ts';
import { readJsonLines } from './json-lines.ts';

const PROGRAM = `${import.meta.dir}/holder-process.ts`;
const STOPPED_MS_MAX = 60_000;

export class Holders {
  readonly name: string;
  readonly #child: Subprocess<'pipe', 'pipe', 'pipe'>;
  readonly #said: Promise<unknown>;
  #stderr = '';
  #stopped = false;
  slowestMs: number | null = null;

  constructor(name: string, group: HolderGroup, hear: (line: HolderLine) => void) {
    this.name = name;
    this.#child = Bun.spawn([process.execPath, PROGRAM, JSON.stringify(group)], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    this.#said = Promise.all([this.#listen(hear), this.#readErrors()]);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** They give back what they hold, and ask for nothing any more. */
  async stop(): Promise<void> {
    this.#tell('stop');
    await this.#until(() => this.#stopped, 'they have stopped', STOPPED_MS_MAX);
  }

  /** Each of them gets a seat once more; what it took the slowest, in milliseconds. */
  async serve(boundMs: number): Promise<number> {
    this.#tell('serve');
    await this.#until(() => this.slowestMs !== null, 'all are served', 2 * boundMs);
    return this.slowestMs ?? 0;
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.#said;
    await this.#child.exited;
    clearTimeout(timer);
  }

  #tell(command: HolderCommand): void {
    this.#child.stdin.write(`${command}\n`);
    this.#child.stdin.flush();
  }

  async #until(condition: () => boolean, what: string, boundMs: number): Promise<void> {
    await until(() => condition() || this.#child.exitCode !== null, what, boundMs);
    if (!condition()) throw new Error(`${this.name} ended before ${what}:\n${this.#stderr}`);
  }

  #listen(hear: (line: HolderLine) => void): Promise<void> {
    return readJsonLines<HolderLine>(this.#child.stdout, (line) => {
      if (line.type === 'stopped') this.#stopped = true;
      if (line.type === 'served') this.slowestMs = line.slowestMs;
      hear(line);
    });
  }

  async #readErrors(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stderr) {
      this.#stderr += decoder.decode(chunk, { stream: true });
    }
  }
}
