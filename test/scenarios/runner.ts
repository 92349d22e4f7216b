/** Carries out the commands of a scenario. */
import { type CoreMessage, MessageType } from '../../src/engine/messages.ts';
import type { SampleCode } from '../engine/sample-rlf.ts';
import type { ScenarioRunner } from '../scenario-files.ts';
import { ScenarioClient, ScenarioPool } from './pool.ts';
import type { ScenarioServer } from './server.ts';
import { answerText, serversText, tableText } from './text.ts';

type Command = (words: readonly string[]) => void;

export class Runner implements ScenarioRunner {
  #pool: ScenarioPool | null = null;
  #shown: string[] = [];
  readonly #clients = new Map<string, ScenarioClient>();
  /** Clients whose messages are kept back, with what was kept. */
  readonly #held = new Map<string, (() => void)[]>();

  run(command: string): string[] {
    this.#shown = [];
    const [name = '', ...rest] = command.split(' ');
    const act = this.#commands[name];
    if (act === undefined) throw new Error(`unknown command ${name}`);
    act(rest);
    this.#showAnswers();
    return this.#shown;
  }

  get #started(): ScenarioPool {
    if (this.#pool === null) throw new Error('a scenario begins with a pool');
    return this.#pool;
  }

  readonly #commands: Readonly<Record<string, Command>> = {
    pool: (words) => this.#begin(words),
    start: (names) => {
      for (const name of names) this.#server(name).start();
      this.#started.link();
    },
    crash: (names) => {
      for (const name of names) this.#server(name).crash();
    },
    stop: ([name]) => {
      this.#server(name).stopped = true;
    },
    continue: ([name]) => this.#server(name).resume(),
    /** `cut A>B`: lost silently; `cut A-B`: both ways, reset. */
    cut: (links) => {
      for (const link of links) this.#cut(link);
    },
    isolate: ([name]) => {
      for (const other of this.#started.servers) {
        if (other.name !== name) this.#cut(`${name}-${other.name}`);
      }
    },
    mend: () => {
      this.#started.cuts.clear();
      this.#started.link();
    },
    advance: ([ms]) => this.#started.advance(Number(ms)),
    settle: () => this.#started.settle(),
    wall: ([name, ms]) => this.#server(name).setWall(Number(ms)),
    step: ([name]) => this.#server(name).step({ type: 'tick' }),
    'step-aside': ([name]) => this.#server(name).step({ type: 'step-aside' }),
    /** `request c1 B 2`: 2 seats. */
    request: ([client = '', server, count = '1', hold = '0']) => {
      const { request } = MessageType;
      this.#say(client, server, (sequence, { key }) => {
        const wish = [null, 'Application', null, Number(count), 0, Number(hold)] as const;
        return [request, sequence, key, ...wish];
      });
    },
    /** `beat c1 B [FENCE]`: a heartbeat, or a claim. */
    beat: ([client = '', server, fence]) => {
      const { heartbeat } = MessageType;
      this.#say(client, server, (sequence, { key, ticket }) => {
        const quoted = fence === undefined ? null : Number(fence);
        return [heartbeat, sequence, key, ticket, quoted];
      });
    },
    release: ([client = '', server]) => {
      const { release } = MessageType;
      this.#say(client, server, (sequence, { key, ticket }) => [release, sequence, key, ticket]);
    },
    hold: ([client = '']) => {
      this.#held.set(client, []);
    },
    deliver: ([client = '']) => {
      const held = this.#held.get(client) ?? [];
      this.#held.delete(client);
      for (const send of held) send();
      this.#started.settle();
    },
    servers: (names) => {
      for (const server of this.#named(names)) this.#shown.push(serversText(server));
    },
    /** The distribution tables, as FIG. 5 to 11 draw them. */
    tables: (names) => {
      for (const server of this.#named(names)) this.#shown.push(...tableText(server));
    },
    notices: () => {
      this.#shown.push(...this.#started.notices.splice(0));
    },
  };

  #named(names: readonly string[]): readonly ScenarioServer[] {
    const { servers } = this.#started;
    return names.length === 0 ? servers : names.map((name) => this.#server(name));
  }

  #cut(link: string): void {
    const [from, to] = link.split(/[>-]/).map((name) => this.#server(name));
    if (from === undefined || to === undefined) throw new Error(`no link ${link}`);
    this.#started.cuts.add(`${from.name}>${to.name}`);
    if (link.includes('>')) return;
    this.#started.cuts.add(`${to.name}>${from.name}`);
    this.#started.reset(from, to);
  }

  #say(
    name: string,
    to: string | undefined,
    build: (sequence: number, client: ScenarioClient) => Parameters<ScenarioPool['ask']>[2],
  ): void {
    let client = this.#clients.get(name);
    if (client === undefined) {
      client = new ScenarioClient(name, this.#clients.size + 1);
      this.#clients.set(name, client);
    }
    const server = this.#server(to);
    const speaking = client;
    const sequence = client.number * 1_000 + ++client.sequence;
    const message = build(sequence, client);
    const send = () => this.#started.ask(server, speaking, message);
    const held = this.#held.get(name);
    if (held !== undefined) {
      held.push(send);
      return;
    }
    send();
    this.#started.settle();
  }

  #showAnswers(): void {
    if (this.#pool === null) return;
    for (const { from, message } of this.#pool.answers.splice(0)) {
      const client = this.#clientOf(message);
      if (client !== undefined) this.#learn(client, message);
      this.#shown.push(`${from} to ${client?.name ?? '?'}: ${answerText(message)}`);
    }
  }

  #clientOf(message: CoreMessage): ScenarioClient | undefined {
    const number = Math.floor(message[1] / 1_000);
    return [...this.#clients.values()].find((client) => client.number === number);
  }

  #learn(client: ScenarioClient, message: CoreMessage): void {
    if (message[0] === MessageType.grant || message[0] === MessageType.alive) {
      client.ticket = message[2].slice();
    }
  }

  #server(name: string | undefined): ScenarioServer {
    return this.#started.server(name);
  }

  /** `pool A=40 B=30 C=30 limit=100 lifetime=60000`. */
  #begin(words: readonly string[]): void {
    const names: string[] = [];
    const distribution: Record<string, number> = {};
    const numbers: Record<string, number> = {};
    for (const word of words) {
      const [name = '', value] = word.split('=');
      const isServer = /^[A-Z]$/.test(name);
      if (isServer) names.push(name);
      if (isServer && value !== undefined) distribution[name] = Number(value);
      if (!isServer) numbers[name] = Number(value);
    }
    const isGiven = Object.keys(distribution).length > 0;
    const code: SampleCode = {
      limit: numbers['limit'] ?? 100,
      keyLifetimeMs: numbers['lifetime'] ?? 60_000,
      distribution: isGiven ? distribution : null,
    };
    this.#pool = new ScenarioPool(names, [code]);
  }
}
