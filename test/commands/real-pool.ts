/** A pool of one real server, made and served by the command line, for tests to use and to kill. */
import { createServer } from 'node:net';
import type { Subprocess } from 'bun';
import { until } from '../client/until.ts';
import { environment, LM, type Ran, type RunOptions, Workplace } from './run-lm.ts';

export interface RealPoolOptions {
  readonly application?: string;
  readonly limit?: number;
  readonly keyLifetime?: string;
}

export class RealPool {
  readonly place: Workplace;
  readonly port: number;
  readonly application: string;
  #server: Subprocess | null = null;

  private constructor(place: Workplace, port: number, application: string) {
    this.place = place;
    this.port = port;
    this.application = application;
  }

  static async start(options: RealPoolOptions = {}): Promise<RealPool> {
    const { application = 'App', limit = 3, keyLifetime = '26s' } = options;
    const place = new Workplace();
    const port = await freePort();
    const pool = new RealPool(place, port, application);
    await pool.#make(limit, keyLifetime);
    await pool.serve();
    return pool;
  }

  /** What names and trusts this pool in a command's environment. */
  get env(): Record<string, string> {
    return { LM_POOL: this.place.file('east/east.pool'), XDG_STATE_HOME: this.place.file('state') };
  }

  lm(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return this.place.lm(args, { ...options, env: { ...this.env, ...options.env } });
  }

  /** Seats in use, as the server counts them. */
  async inUse(): Promise<number> {
    const status = await this.place.json(['status'], { env: this.env });
    const [license] = status['licenses'] as { inUse: number }[];
    return license?.inUse ?? -1;
  }

  async serve(): Promise<void> {
    const data = this.place.file('east/servers/A');
    const rlf = this.place.file('east/pool.toml');
    const server = Bun.spawn(LM.concat('serve', '--data', data, '--rlf', rlf), {
      env: environment(),
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: Bun.file(this.place.file('serve.log')),
    });
    this.#server = server;
    const reader = server.stdout.getReader();
    const { value } = await reader.read();
    reader.releaseLock();
    if (!new TextDecoder().decode(value).startsWith('ready ')) {
      throw new Error(`the server did not start: ${await this.place.read('serve.log')}`);
    }
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    this.#server?.kill(signal);
    await this.#server?.exited;
    this.#server = null;
  }

  async stop(): Promise<void> {
    await this.kill();
    this.place.remove();
  }

  async #make(limit: number, keyLifetime: string): Promise<void> {
    const { place, port, application } = this;
    const run = async (...args: string[]) => {
      const { code, stderr } = await place.lm(args);
      if (code !== 0) throw new Error(`lm ${args.join(' ')}: ${stderr}`);
    };
    await run('pool', 'init', 'east', `127.0.0.1:${port}`);
    await run('keys', 'new', 'vendor.key');
    const named = ['--vendor', 'Acme', '--application', application, '--version', '1.0'];
    const granted = ['--limit', `${limit}`, '--any-customer', '--key-lifetime', keyLifetime];
    await run('code', 'sign', '--key', 'vendor.key', ...named, ...granted, '-o', 'app.lic');
    await run('rlf', 'add', 'app.lic', '--rlf', 'east/pool.toml', '--key', 'east/admin.key');
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address !== null && typeof address === 'object' ? address.port : 0;
}

export async function untilInUse(pool: RealPool, seats: number): Promise<void> {
  let last = -1;
  let asking = false;
  await until(
    () => {
      if (!asking && last !== seats) {
        asking = true;
        void pool.inUse().then((n) => {
          last = n;
          asking = false;
        });
      }
      return last === seats;
    },
    `${seats} seats are in use`,
    30_000,
  );
}
