/** A program that holds its seats by `lm session`: JSON lines over a pipe (docs/SESSION.md). */
import type { Subprocess } from 'bun';
import { until } from '../client/until.ts';
import { executable } from './executable.ts';
import type { Site } from './site.ts';

export type Fields = Readonly<Record<string, unknown>>;

export interface Failure extends Fields {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export interface Answer extends Fields {
  readonly id: number | null;
  readonly ok: boolean;
  readonly seat?: string;
  readonly error?: Failure;
}

export class Session {
  readonly #child: Subprocess<'pipe', 'pipe', 'pipe'>;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #done: Promise<unknown>;
  /** Lines that nobody asked for. */
  readonly events: Fields[] = [];
  stderr = '';
  #last = 0;

  private constructor(site: Site) {
    this.#child = Bun.spawn([executable(), 'session'], {
      cwd: site.path,
      env: { ...process.env, ...site.env },
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    this.#done = Promise.all([this.#readAnswers(), this.#readErrors()]);
  }

  static open(site: Site): Session {
    return site.keep(new Session(site));
  }

  get pid(): number {
    return this.#child.pid;
  }

  request(fields: Fields): Promise<Answer> {
    return this.say({ op: 'request', ...fields });
  }

  release(seat: string | undefined): Promise<Answer> {
    return this.say({ op: 'release', seat });
  }

  /** Says one line, and resolves to its answer. */
  say(fields: Fields): Promise<Answer> {
    this.#last++;
    const id = this.#last;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#child.stdin.write(`${JSON.stringify({ ...fields, id })}\n`);
    this.#child.stdin.flush();
    return answered;
  }

  /** An event that fits, once it is there. */
  async event(fits: (event: Fields) => boolean, what: string): Promise<Fields> {
    await until(() => this.events.some(fits), what, 45_000);
    return this.events.find(fits) ?? {};
  }

  /** Closes its input, and resolves to its exit code. */
  async end(): Promise<number> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 15_000);
    await this.#done;
    clearTimeout(timer);
    return await this.#child.exited;
  }

  async #readAnswers(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of this.#child.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#take(JSON.parse(line) as Answer);
    }
  }

  #take(line: Answer): void {
    if ('event' in line) {
      this.events.push(line);
      return;
    }
    const id = Number(line.id);
    this.#waiting.get(id)?.(line);
    this.#waiting.delete(id);
  }

  async #readErrors(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#child.stderr) {
      this.stderr += decoder.decode(chunk, { stream: true });
    }
  }
}
