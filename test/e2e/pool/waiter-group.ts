/** Clients that wait in a line, spread over processes: who came, who was served, and in what order. */
import type { Subprocess } from 'bun';
import { until } from '../../client/until.ts';
import { readJsonLines } from './json-lines.ts';
import type { WaiterCommand, WaiterGroup, WaiterLine } from './waiter-process.ts';

const PROGRAM = `${import.meta.dir}/waiter-process.ts`;
const ANSWER_MS_MAX = 30_000;

type Child = Subprocess<'pipe', 'pipe', 'inherit'>;

export class Waiters {
  readonly #children: readonly Child[];
  readonly #heard: readonly Promise<void>[];
  /** By the order in which they came, were served, and gave their seats back. */
  readonly arrived: number[] = [];
  readonly served: number[] = [];
  readonly #released = new Set<number>();
  readonly #servers = new Map<number, string>();
  readonly problems: string[] = [];

  constructor(processes: number, group: WaiterGroup) {
    this.#children = Array.from({ length: processes }, () => {
      const command = [process.execPath, PROGRAM, JSON.stringify(group)];
      return Bun.spawn(command, { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' });
    });
    const hear = (line: WaiterLine) => this.#hear(line);
    this.#heard = this.#children.map(({ stdout }) => readJsonLines(stdout, hear));
  }

  /** Who holds a seat now, and at which server it was granted. */
  get holders(): ReadonlyMap<number, string> {
    return new Map([...this.#servers].filter(([number]) => !this.#released.has(number)));
  }

  /** One more comes, after all others; returns once it knows that it waits. */
  async arrive(): Promise<void> {
    const number = this.arrived.length;
    this.arrived.push(number);
    this.#tell(number, 'ask');
    await this.#until(() => this.#waits.has(number), `waiter ${number} waits`, ANSWER_MS_MAX);
  }

  /** One gives its seat back, and does not wait for the answer. */
  release(number: number): void {
    this.#released.add(number);
    this.#tell(number, 'release');
  }

  async untilServed(count: number, boundMs: number): Promise<void> {
    await this.#until(() => this.served.length >= count, `${count} are served`, boundMs);
  }

  async end(): Promise<void> {
    for (const child of this.#children) child.stdin.end();
    await Promise.all(this.#heard);
    await Promise.all(this.#children.map(({ exited }) => exited));
  }

  readonly #waits = new Set<number>();

  #hear({ type, number, server = '', words }: WaiterLine): void {
    if (type === 'waits') this.#waits.add(number);
    if (type === 'granted') {
      this.served.push(number);
      this.#servers.set(number, server);
    }
    if (words !== undefined) this.problems.push(`waiter ${number}: ${type}: ${words}`);
  }

  #tell(number: number, command: WaiterCommand): void {
    const child = this.#children[number % this.#children.length];
    child?.stdin.write(`${command} ${number}\n`);
    child?.stdin.flush();
  }

  async #until(condition: () => boolean, what: string, boundMs: number): Promise<void> {
    await until(() => condition() || this.problems.length > 0, what, boundMs);
    if (!condition()) throw new Error(`${what}, in vain: ${this.problems.join('; ')}`);
  }
}
