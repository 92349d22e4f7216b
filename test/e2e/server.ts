/** A server process: `lm serve`, started, watched and ended by its process id. */
import { readFileSync } from 'node:fs';
import type { Subprocess } from 'bun';
import { until } from '../client/until.ts';

const READY_MS_MAX = 40_000;

export interface ServerCommand {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Called before it can have done anything. */
  readonly onSpawn?: (pid: number) => void;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export class Server {
  readonly #child: Subprocess<'ignore', 'pipe', 'pipe'>;
  readonly #drained: Promise<unknown>;
  #stdout = '';
  #stderr = '';

  private constructor({ command, cwd, env, onSpawn }: ServerCommand) {
    this.#child = Bun.spawn([...command], {
      cwd,
      env: { ...env },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    onSpawn?.(this.#child.pid);
    this.#drained = Promise.all([
      collect(this.#child.stdout, (text) => (this.#stdout += text)),
      collect(this.#child.stderr, (text) => (this.#stderr += text)),
    ]);
  }

  /** Resolves once it says that it serves; rejects with its log where it ends before. */
  static async start(command: ServerCommand): Promise<Server> {
    const server = new Server(command);
    const settled = () => server.#stdout.includes('\n') || server.ended;
    try {
      await until(settled, 'the server is ready', READY_MS_MAX);
    } catch (error) {
      await server.kill();
      throw error;
    }
    if (server.#stdout.startsWith('ready ')) return server;
    await server.#drained;
    throw new Error(`the server did not start: ${server.stderr}`);
  }

  get pid(): number {
    return this.#child.pid;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Its exit code, with all it wrote gathered. */
  get exited(): Promise<number> {
    return this.#drained.then(() => this.#child.exited);
  }

  /** The log, line by line; every one of them has to be JSON. */
  get log(): LogLine[] {
    const lines = this.#stderr.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as LogLine);
  }

  /** The first line that says this, from line `from` on, once it is there. */
  async logged(message: string, from = 0): Promise<LogLine> {
    const find = () => this.log.slice(from).find((line) => line.message.includes(message));
    await until(() => find() !== undefined || this.ended, `the log says "${message}"`, 20_000);
    const found = find();
    if (found === undefined) throw new Error(`the server ended:\n${this.#stderr}`);
    return found;
  }

  signal(name: 'SIGHUP' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    this.#child.kill(name);
  }

  /** What kill -9 does. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** As an operator ends it. */
  async stop(): Promise<number> {
    this.#child.kill('SIGTERM');
    return await this.exited;
  }

  /** Memory in use, in megabytes. */
  get residentMb(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
  }
}

async function collect(stream: ReadableStream<Uint8Array>, take: (text: string) => unknown) {
  const decoder = new TextDecoder();
  for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
}
