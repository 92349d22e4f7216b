/** A pool of real cores on one clock, with a network that a scenario cuts, slows and mends. */
import type { Rlf } from '../../src/engine/license/types.ts';
import type { CoreMessage } from '../../src/engine/messages.ts';
import type { PeerMessage } from '../../src/engine/peer-messages.ts';
import { makeRlf, type SampleCode } from '../engine/sample-rlf.ts';
import { ScenarioClient } from './client.ts';
import { Invariants } from './invariants.ts';
import { ScenarioServer } from './server.ts';

/** How long a message takes from one server to another. */
const WAY_MS = 1;

interface OnItsWay {
  readonly at: number;
  readonly order: number;
  readonly arrive: () => void;
}

export interface Answer {
  readonly from: string;
  readonly client: ScenarioClient | null;
  readonly message: CoreMessage;
}

export class ScenarioPool {
  readonly rlf: Rlf;
  /** Those of the founding RLF, and those that were made since. */
  readonly servers: ScenarioServer[];
  /** `A>B`: what A sends to B is lost. `A-B`: the link is reset, too. */
  readonly cuts = new Set<string>();
  /** `A>B`: how long a message takes there, where that is not `WAY_MS`. */
  readonly ways = new Map<string, number>();
  /** True milliseconds since the scenario began. */
  now = 0;
  answers: Answer[] = [];
  /** Lines to be shown with the command that is under way. */
  readonly shown: string[] = [];
  readonly notices: string[] = [];
  readonly #clients = new Map<string, ScenarioClient>();
  readonly #invariants = new Invariants();
  #onItsWay: OnItsWay[] = [];
  #order = 0;

  constructor(names: readonly string[], codes: readonly SampleCode[]) {
    this.rlf = makeRlf({ servers: names, codes });
    this.servers = names.map((name, at) => new ScenarioServer(this, name, at));
  }

  /** `D`, or `B2` for another server that has the name of B. */
  add(label: string): ScenarioServer {
    const server = new ScenarioServer(this, label, this.servers.length);
    this.servers.push(server);
    return server;
  }

  server(name: string | undefined): ScenarioServer {
    const server = this.servers.find((one) => one.name === name);
    if (server === undefined) throw new Error(`no server ${name}`);
    return server;
  }

  byId(id: string): ScenarioServer {
    const server = this.servers.find((one) => one.id === id);
    if (server === undefined) throw new Error(`no server ${id}`);
    return server;
  }

  client(name: string): ScenarioClient {
    let client = this.#clients.get(name);
    if (client === undefined) {
      client = new ScenarioClient(name, this.#clients.size + 1);
      this.#clients.set(name, client);
    }
    return client;
  }

  isCut(from: ScenarioServer, to: ScenarioServer): boolean {
    return this.cuts.has(`${from.name}>${to.name}`);
  }

  /** Both ways, and both notice. */
  reset(a: ScenarioServer, b: ScenarioServer): void {
    a.lose(b);
    b.lose(a);
  }

  /** Links come up between servers that run and can reach each other both ways. */
  link(): void {
    for (const a of this.servers) {
      for (const b of this.servers) {
        const isOpen = a !== b && !this.isCut(a, b) && !this.isCut(b, a);
        if (isOpen && b.core !== null && a.knows(b)) a.meet(b);
      }
    }
  }

  post(from: ScenarioServer, to: ScenarioServer, message: PeerMessage): void {
    const copy = copied(message);
    const process = to.core;
    this.later(this.ways.get(`${from.name}>${to.name}`) ?? WAY_MS, () => {
      if (this.isCut(from, to) || to.core !== process) return;
      // A stranger may offer an RLF, and nothing else.
      if (!to.knows(from) && copy.type !== 'offer') return;
      to.step({ type: 'peer', from: from.id, message: copy });
    });
  }

  later(ms: number, arrive: () => void): void {
    this.#order += 1;
    this.#onItsWay.push({ at: this.now + ms, order: this.#order, arrive });
  }

  /** A server answers a client, which believes it at once. */
  answered({ name: from, core }: ScenarioServer, message: CoreMessage): void {
    const number = ScenarioClient.numberIn(message[1]);
    const client = [...this.#clients.values()].find((one) => one.number === number) ?? null;
    this.answers.push({ from, client, message });
    client?.learns(from, message);
    if (core !== null) this.#invariants.answers(core);
    this.#invariants.promise(this.#clients.values(), this.now);
  }

  /** Throws where something does not hold that always has to. */
  check(): void {
    this.#invariants.check(this.servers, this.#clients.values(), this.now);
  }

  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const next = this.#next(end);
      if (next === null) break;
      this.now = Math.max(this.now, next.at);
      next.arrive();
    }
    this.now = end;
  }

  /** Until nothing is about to arrive, for at most a second; what takes its time waits. */
  settle(): void {
    const end = this.now + 1_000;
    while (this.now < end && this.#onItsWay.some(({ at }) => at <= this.now + WAY_MS)) {
      this.advance(1);
    }
  }

  #next(end: number): OnItsWay | null {
    this.#onItsWay.sort((a, b) => a.at - b.at || a.order - b.order);
    const [message] = this.#onItsWay;
    const due = this.servers
      .filter(({ core, stopped }) => core !== null && !stopped)
      .map((server) => ({ server, at: server.nextTick }))
      .sort((a, b) => a.at - b.at)[0];
    if (message !== undefined && message.at <= end && message.at <= (due?.at ?? end)) {
      this.#onItsWay.shift();
      return message;
    }
    if (due === undefined || due.at > end) return null;
    return { at: due.at, order: 0, arrive: () => due.server.step({ type: 'tick' }) };
  }
}

/** A message as the network would bring it. (`structuredClone` takes all that a view lies in.) */
function copied<T>(value: T): T {
  if (value instanceof Uint8Array) return Uint8Array.from(value) as T;
  if (Array.isArray(value)) return value.map(copied) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, copied(part)])) as T;
}
