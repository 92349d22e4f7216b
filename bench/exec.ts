/** What `lm exec` adds to a command: `lm exec -- true` against a bare compiled hello. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { median } from './figures.ts';
import { type BenchPool, EXECUTABLE, startServer } from './pool.ts';

const RUNS = 15;

export interface ExecResult {
  readonly helloMs: number;
  readonly execMs: number;
  readonly ratio: number;
}

export async function measureExec(pool: BenchPool): Promise<ExecResult> {
  const hello = await buildHello(pool.directory);
  const server = await startServer(pool);
  const helloTimes: number[] = [];
  const execTimes: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    const helloMs = timed(hello, []);
    const execMs = timed(EXECUTABLE, execArguments(pool.card));
    // The first pair warms the page cache.
    if (run === 0) continue;
    helloTimes.push(helloMs);
    execTimes.push(execMs);
  }
  await server.stop();
  const ratio = median(execTimes.map((ms, run) => ms / (helloTimes[run] ?? Number.NaN)));
  return { helloMs: median(helloTimes), execMs: median(execTimes), ratio };
}

function execArguments(card: string): string[] {
  return ['exec', '--pool', card, '--app', 'Application', '--', 'true'];
}

async function buildHello(directory: string): Promise<string> {
  const source = join(directory, 'hello.ts');
  writeFileSync(source, "console.log('hello');\n");
  const outfile = join(directory, 'hello');
  await Bun.build({ entrypoints: [source], compile: { outfile }, target: 'bun' });
  return outfile;
}

function timed(command: string, args: readonly string[]): number {
  const begun = performance.now();
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  const ms = performance.now() - begun;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return ms;
}
