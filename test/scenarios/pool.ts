/** A pool of real cores on one clock, with a network that a scenario cuts, holds and mends. */
import type { Rlf } from '../../src/engine/license/types.ts';
import type { ClientMessage, CoreMessage } from '../../src/engine/messages.ts';
import type { PeerMessage } from '../../src/engine/peer-messages.ts';
import { fingerprintOf, makeRlf, type SampleCode } from '../engine/sample-rlf.ts';
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
  readonly message: CoreMessage;
}

export class ScenarioPool {
  readonly rlf: Rlf;
  readonly servers: readonly ScenarioServer[];
  /** `A>B`: what A sends to B is lost. `A-B`: the link is reset, too. */
  readonly cuts = new Set<string>();
  /** True milliseconds since the scenario began. */
  now = 0;
  answers: Answer[] = [];
  readonly notices: string[] = [];
  #onItsWay: OnItsWay[] = [];
  #order = 0;

  constructor(names: readonly string[], codes: readonly SampleCode[]) {
    this.rlf = makeRlf({ servers: names, codes });
    this.servers = names.map((name, at) => new ScenarioServer(this, name, at));
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

  idOf(at: number): string {
    return fingerprintOf(at);
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
        if (isOpen && a.core !== null && b.core !== null) a.meet(b);
      }
    }
  }

  post(from: ScenarioServer, to: ScenarioServer, message: PeerMessage): void {
    const copy = structuredClone(message);
    const process = to.core;
    this.later(WAY_MS, () => {
      if (this.isCut(from, to) || to.core !== process) return;
      to.step({ type: 'peer', from: from.id, message: copy });
    });
  }

  later(ms: number, arrive: () => void): void {
    this.#order += 1;
    this.#onItsWay.push({ at: this.now + ms, order: this.#order, arrive });
  }

  /** A client's message to a server, and what the server answers at once. */
  ask(server: ScenarioServer, client: ScenarioClient, message: ClientMessage): void {
    server.step({ type: 'message', client: client.at(server), message });
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

  /** Until nothing is on its way, for at most a second; what is due later waits. */
  settle(): void {
    const end = this.now + 1_000;
    while (this.now < end && this.#onItsWay.length > 0) this.advance(1);
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
    // Whole milliseconds, as timers go; a tick that is overdue comes now.
    const at = Math.max(this.now, Math.ceil(due.at));
    if (at > end) return null;
    return { at, order: 0, arrive: () => due.server.step({ type: 'tick' }) };
  }
}

/** A client, with a connection to whatever server it talks to. */
export class ScenarioClient {
  readonly name: string;
  readonly number: number;
  readonly key: Uint8Array;
  ticket: Uint8Array = new Uint8Array(0);
  sequence = 0;

  constructor(name: string, number: number) {
    this.name = name;
    this.number = number;
    this.key = new Uint8Array(16).fill(number);
  }

  at(server: ScenarioServer) {
    return {
      number: this.number * 100 + this.serverNumber(server),
      instance: this.name.padStart(16, '.'),
      user: this.name,
      host: 'h',
      pid: this.number,
      address: '127.0.0.1',
    };
  }

  serverNumber({ name }: ScenarioServer): number {
    return name.charCodeAt(0);
  }
}
