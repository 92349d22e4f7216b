/** A program under `lm exec` that is talked to while it runs. */
import type { Subprocess } from 'bun';
import { until } from '../client/until.ts';
import { executable } from './executable.ts';
import type { Site } from './site.ts';

export class Program {
  readonly child: Subprocess<'pipe', 'pipe', 'pipe'>;
  stdout = '';
  stderr = '';
  readonly #drained: Promise<unknown>;

  /** `sh -c script`, with these flags of `lm exec`. */
  constructor(
    site: Site,
    script: string,
    flags: readonly string[] = ['--app', 'App'],
    lm = executable(),
  ) {
    this.child = Bun.spawn([lm, 'exec', ...flags, '--', 'sh', '-c', script], {
      cwd: site.path,
      env: { ...process.env, ...site.env },
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    this.#drained = Promise.all([
      this.#collect(this.child.stdout, 'stdout'),
      this.#collect(this.child.stderr, 'stderr'),
    ]);
  }

  /** Resolves once it has said this. */
  async says(text: string): Promise<void> {
    await this.#until(() => this.stdout.includes(text), `the program says "${text}"`);
  }

  /** Resolves once lm has said something on standard error. */
  async complains(boundMs: number): Promise<void> {
    await this.#until(() => this.stderr !== '', 'lm says something', boundMs);
  }

  hear(text: string): void {
    this.child.stdin.write(text);
    this.child.stdin.end();
  }

  /** Its exit code, and all that it said. */
  async end(): Promise<{ code: number; stdout: string; stderr: string }> {
    const code = await this.child.exited;
    await this.#drained;
    return { code, stdout: this.stdout, stderr: this.stderr };
  }

  async #until(condition: () => boolean, what: string, boundMs = 30_000): Promise<void> {
    await until(() => condition() || this.child.exitCode !== null, what, boundMs);
    if (condition()) return;
    throw new Error(`in vain until ${what}: it ended\n${this.stdout}${this.stderr}`);
  }

  async #collect(stream: ReadableStream<Uint8Array>, name: 'stdout' | 'stderr'): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this[name] += decoder.decode(chunk, { stream: true });
  }
}
