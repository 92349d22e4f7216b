/** Carries out the commands of a scenario. */
import type { Rlf } from '../../src/engine/license/types.ts';
import type { PeerMessage } from '../../src/engine/peer-messages.ts';
import { makeRlf, type SampleCode } from '../engine/sample-rlf.ts';
import type { ScenarioRunner } from '../scenario-files.ts';
import { answerLines, Clients } from './clients.ts';
import { ScenarioPool } from './pool.ts';
import type { ScenarioServer } from './server.ts';
import { movesText, recordsText, serversText, tableText } from './text.ts';

type Command = (words: readonly string[]) => void;

/** A pool, the clients that speak to it, and the code that its RLF has. */
interface Started {
  readonly pool: ScenarioPool;
  readonly clients: Clients;
  code: SampleCode;
  sequence: number;
}

export class Runner implements ScenarioRunner {
  #scenario: Started | null = null;
  #shown: string[] = [];

  run(command: string): string[] {
    this.#shown = [];
    const [name = '', ...rest] = command.split(' ');
    const act = this.#commands[name];
    if (act === undefined) throw new Error(`unknown command ${name}`);
    act(rest);
    const { pool } = this.#started;
    pool.check();
    return [...answerLines(pool.answers.splice(0)), ...pool.shown.splice(0), ...this.#shown];
  }

  get #started(): Started {
    if (this.#scenario === null) throw new Error('a scenario begins with a pool');
    return this.#scenario;
  }

  get #pool(): ScenarioPool {
    return this.#started.pool;
  }

  get #clients(): Clients {
    return this.#started.clients;
  }

  readonly #commands: Readonly<Record<string, Command>> = {
    pool: (words) => this.#begin(words),
    start: (names) => {
      for (const name of names) this.#server(name).start();
      this.#pool.link();
    },
    crash: (names) => {
      for (const name of names) this.#server(name).crash();
    },
    stop: ([name]) => {
      this.#server(name).stopped = true;
    },
    continue: ([name]) => this.#server(name).resume(),
    cut: (links) => {
      for (const link of links) this.#cut(link);
    },
    isolate: (names) => {
      for (const name of names) {
        for (const other of this.#pool.servers) {
          if (other.name !== name) this.#cut(`${name}-${other.name}`);
        }
      }
    },
    mend: () => {
      this.#pool.cuts.clear();
      this.#pool.link();
    },
    slow: ([link = '', ms]) => {
      this.#pool.ways.set(link, Number(ms));
    },
    advance: ([ms]) => this.#pool.advance(Number(ms)),
    settle: () => this.#pool.settle(),
    wall: ([name, ms]) => this.#server(name).setWall(Number(ms)),
    step: ([name]) => this.#server(name).step({ type: 'tick' }),
    'step-aside': ([name]) => this.#server(name).step({ type: 'step-aside' }),
    transfer: ([name = '', to = '']) => this.#clients.act(name, { act: 'transfer', to }),
    'rotate-secret': ([name = '']) => this.#clients.act(name, { act: 'rotate-secret' }),
    request: (words) => this.#clients.request(words),
    beat: (words) => this.#clients.beat(words),
    release: (words) => this.#clients.release(words),
    commute: (words) => this.#clients.commute(words),
    'check-in': (words) => this.#clients.checkIn(words),
    evict: (words) => this.#clients.evict(words),
    hold: (names) => this.#clients.hold(names),
    deliver: (names) => this.#clients.deliver(names),
    offer: ([name, ...words]) => {
      this.#server(name).step({ type: 'offered', rlf: this.#next(words) });
      this.#pool.settle();
    },
    push: ([name = '', ...words]) => this.#clients.push(name, this.#next(words).text),
    'push-again': ([name = '']) => this.#clients.push(name, this.#last()),
    entries: ([name, count]) => this.#enter(this.#server(name), Number(count)),
    servers: (names) => {
      for (const server of this.#named(names)) this.#shown.push(serversText(server));
    },
    tables: (names) => {
      for (const server of this.#named(names)) this.#shown.push(...tableText(server));
    },
    moves: ([name]) => {
      this.#shown.push(...movesText(this.#server(name)));
    },
    records: (names) => {
      for (const server of this.#named(names)) this.#shown.push(recordsText(server));
    },
    notices: () => {
      this.#shown.push(...this.#pool.notices.splice(0));
    },
  };

  #named(names: readonly string[]): readonly ScenarioServer[] {
    return names.length === 0 ? this.#pool.servers : names.map((name) => this.#server(name));
  }

  #server(name: string | undefined): ScenarioServer {
    return this.#pool.server(name);
  }

  #cut(link: string): void {
    const [from, to] = link.split(/[>-]/).map((name) => this.#server(name));
    if (from === undefined || to === undefined) throw new Error(`no link ${link}`);
    this.#pool.cuts.add(`${from.name}>${to.name}`);
    if (link.includes('>')) return;
    this.#pool.cuts.add(`${to.name}>${from.name}`);
    this.#pool.reset(from, to);
  }

  #begin(words: readonly string[]): void {
    const names = words.map((word) => word.split('=')[0] ?? '').filter(isServer);
    const code = { ...codeIn(words), distribution: distributionIn(words) };
    const pool = new ScenarioPool(names, [code]);
    this.#scenario = { pool, clients: new Clients(pool), code, sequence: 1 };
  }

  /** The next RLF. */
  #next(words: readonly string[]): Rlf {
    const started = this.#started;
    started.code = { ...codeIn(words, started.code), distribution: distributionIn(words) };
    started.sequence += 1;
    const servers = this.#pool.servers.map((server) => server.name);
    const { code, sequence } = started;
    return makeRlf({ sequence, servers, codes: [code] });
  }

  /** The text of the RLF that was offered last. */
  #last(): string {
    const servers = this.#pool.servers.map((server) => server.name);
    const { code, sequence } = this.#started;
    return makeRlf({ sequence, servers, codes: [code] }).text;
  }

  /** Entries that mean nothing here: evictions of keys that nobody has. */
  #enter(server: ScenarioServer, count: number): void {
    for (let at = 0; at < count; at++) {
      const id = Buffer.alloc(16);
      id.writeUInt32BE(at, 12);
      const message: PeerMessage = { type: 'evict', id, force: false };
      server.step({ type: 'peer', from: server.id, message });
    }
    this.#pool.settle();
  }
}

function isServer(name: string): boolean {
  return /^[A-Z]$/.test(name);
}

/** `A=40 B=30`; null for an even split. */
function distributionIn(words: readonly string[]): Record<string, number> | null {
  const seats = words
    .map((word) => word.split('='))
    .flatMap(([name = '', value]): [string, number][] => {
      return isServer(name) && value !== undefined ? [[name, Number(value)]] : [];
    });
  return seats.length === 0 ? null : Object.fromEntries(seats);
}

/** `limit=100 lifetime=60000 days=7 share=0.5`. */
function codeIn(words: readonly string[], before: SampleCode = {}): SampleCode {
  const numbers = new Map(words.map((word) => word.split('=') as [string, string | undefined]));
  const number = (name: string, otherwise: number) => Number(numbers.get(name) ?? otherwise);
  return {
    limit: number('limit', before.limit ?? 100),
    keyLifetimeMs: number('lifetime', before.keyLifetimeMs ?? 60_000),
    commuterDays: number('days', before.commuterDays ?? 0),
    commuterShare: number('share', before.commuterShare ?? 0),
  };
}
