/** Processes that a benchmark starts: none of them outlives it, however it ends. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { createServer } from 'node:net';

const running = new Set<ChildProcess>();
// One that was stopped (SIGSTOP) ends by nothing else.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

export function launch(command: string, args: readonly string[], stdio: StdioOptions) {
  const child = spawn(command, args, { stdio });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Sends a signal, and waits for the end of the process. */
export async function ended(
  child: ChildProcess,
  signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}

/** Waits for the line with which a process says that it is ready. */
export function readyLine(child: ChildProcess, log: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (out.includes('\n')) resolve(out);
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`the process ended: ${log()}`)));
  });
}

/** Below what systems give to outgoing connections, one of which might take it meanwhile. */
const PORT_MIN = 20_000;
const PORT_MAX = 32_000;
const PORT_TRIES_MAX = 100;

/** A port that nothing listens on now. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORT_TRIES_MAX; tries++) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${PORT_MIN} to ${PORT_MAX} is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer().once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** Looks every few milliseconds until `holds` says so. Throws after `withinMs`. */
export async function until(
  what: string,
  withinMs: number,
  holds: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await Bun.sleep(LOOK_MS);
  }
}

const LOOK_MS = 25;
