/**
 * A pool whose servers may run with wall clocks that are wrong: with an executable that adds to the
 * clock what its environment says. The one under test has no such thing.
 */
import type { Patch } from '../../simulation/copy.ts';
import { buildPatched, type PatchedExecutable } from '../patched-executable.ts';
import type { Server } from '../server.ts';
import { PoolSite } from './pool-site.ts';

const SHIFT = 'TEST_CLOCK_SHIFT_MS';

const CLOCK: Patch = {
  file: 'src/engine/io/clock.ts',
  find: 'return Date.now();',
  replace: `return Date.now() + Number(process.env['${SHIFT}']);`,
};

export class ClockSite extends PoolSite {
  #shiftMs = 0;
  #shifted: PatchedExecutable | null = null;

  /** Builds the executable, which takes a while. */
  async buildShifted(): Promise<void> {
    this.#shifted = await buildPatched([CLOCK]);
  }

  /** Starts a server whose wall clock is that much ahead, or behind where that is negative. */
  async startShifted(name: string, shiftMs: number): Promise<Server> {
    if (this.#shifted === null) throw new Error('the executable with a clock to set is not built');
    this.programs.set(name, this.#shifted.path);
    // Read as the process is started, before anything is waited for.
    this.#shiftMs = shiftMs;
    return await this.start(name);
  }

  protected override serverEnv(more: Readonly<Record<string, string>> = {}) {
    return super.serverEnv({ ...more, [SHIFT]: String(this.#shiftMs) });
  }

  override async close(): Promise<void> {
    await super.close();
    this.#shifted?.remove();
  }
}
