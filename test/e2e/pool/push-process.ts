/** `lm rlf push` as a process of its own, to be interrupted while it is at it. */
import type { Subprocess } from 'bun';
import { environment } from '../../commands/run-lm.ts';
import { executable } from '../executable.ts';
import type { Site } from '../site.ts';

export interface Pushed {
  /** As a shell says it: 128 and the signal for one that ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const SIGKILL_CODE = 137;

export class PushProcess {
  readonly #child: Subprocess<'ignore', 'pipe', 'pipe'>;
  readonly pushed: Promise<Pushed>;

  constructor(site: Site, args: readonly string[]) {
    this.#child = Bun.spawn([executable(), 'rlf', 'push', ...args], {
      cwd: site.path,
      env: environment(site.env),
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    this.pushed = this.#end();
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async interrupt(signal: 'SIGINT' | 'SIGKILL'): Promise<Pushed> {
    this.#child.kill(signal);
    return await this.pushed;
  }

  async #end(): Promise<Pushed> {
    const { stdout, stderr } = this.#child;
    const texts = [new Response(stdout).text(), new Response(stderr).text()];
    const [out = '', error = ''] = await Promise.all(texts);
    await this.#child.exited;
    const { exitCode, signalCode } = this.#child;
    const bySignal = signalCode === 'SIGKILL' ? SIGKILL_CODE : -1;
    return { code: signalCode === null ? (exitCode ?? -1) : bySignal, stdout: out, stderr: error };
  }
}
