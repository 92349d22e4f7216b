/** Runs the command line as a shell would, in a temporary directory of its own. */
import { setDefaultTimeout } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { executable } from '../e2e/executable.ts';

/** The command that runs lm: what is shipped, which also starts in half the time of its sources. */
export const LM: readonly string[] = [executable()];

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default: the workplace's. */
  readonly cwd?: string;
}

/** What does not end by then is killed, and so fails its test by name instead of hanging it. */
const RUN_MS_MAX = 50_000;

/** Runs a program to its end; none of the caller's LM_… variables reach it. */
export async function run(
  command: readonly string[],
  { stdin, env, cwd = tmpdir() }: RunOptions = {},
): Promise<Ran> {
  const child = Bun.spawn([...command], {
    cwd,
    env: environment(env),
    stdin: stdin === undefined ? 'ignore' : Buffer.from(stdin),
    stderr: 'pipe',
    stdout: 'pipe',
    timeout: RUN_MS_MAX,
    killSignal: 'SIGKILL',
  });
  const [code, stdout, stderr] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code, stdout, stderr };
}

export function environment(more: RunOptions['env'] = {}): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('LM_'));
  return { ...Object.fromEntries(own), NO_COLOR: '1', ...more } as Record<string, string>;
}

/** A directory to run commands in; `remove` it at the end. */
export class Workplace {
  readonly path = mkdtempSync(join(tmpdir(), 'lm-test-'));

  /** To be made outside of tests: those of its file start processes, on a machine that is busy. */
  constructor() {
    setDefaultTimeout(60_000);
  }

  /** Runs `lm` with these arguments. */
  lm(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return run([...LM, ...args], { cwd: this.path, ...options });
  }

  /** Runs `lm` and returns its JSON document; throws where it fails. */
  async json(args: readonly string[], options: RunOptions = {}): Promise<Record<string, unknown>> {
    const { code, stdout, stderr } = await this.lm([...args, '--json'], options);
    if (code !== 0) throw new Error(`lm ${args.join(' ')}: exit ${code}\n${stdout}${stderr}`);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  read(name: string): Promise<string> {
    return Bun.file(this.file(name)).text();
  }

  async write(name: string, text: string): Promise<void> {
    await Bun.write(this.file(name), text);
  }

  remove(): void {
    rmSync(this.path, { force: true, recursive: true });
  }
}
