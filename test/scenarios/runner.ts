/** Carries out the commands of a scenario. */
import type { Rlf } from '../../src/engine/license/types.ts';
import type { PeerMessage } from '../../src/engine/peer-messages.ts';
import { makeRlf, type SampleCode } from '../engine/sample-rlf.ts';
import type { ScenarioRunner } from '../scenario-files.ts';
import { answerLines, Clients } from './clients.ts';
import { ScenarioPool } from './pool.ts';
import type { ScenarioServer } from './server.ts';
import {
  formatText,
  membersText,
  movesText,
  recordsText,
  secretsText,
  serversText,
  tableText,
} from './text.ts';

type Command = (words: readonly string[]) => void;

/** A pool, the clients that speak to it, and the code that its RLF has. */
interface Started {
  readonly pool: ScenarioPool;
  readonly clients: Clients;
  code: SampleCode;
  /** The RLFs made, from sequence 1 on; and whom the last of them lists. */
  readonly rlfs: Rlf[];
  servers: readonly string[];
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
    upgrade: ([name = '']) => this.#clients.act(name, { act: 'upgrade' }),
    understands: ([name, format]) => {
      this.#server(name).formatMax = Number(format);
    },
    formats: (names) => {
      for (const server of this.#named(names)) this.#shown.push(formatText(server));
    },
    'rotate-secret': ([name = '']) => this.#clients.act(name, { act: 'rotate-secret' }),
    request: (words) => this.#clients.request(words),
    beat: (words) => this.#clients.beat(words),
    release: (words) => this.#clients.release(words),
    commute: (words) => this.#clients.commute(words),
    'check-in': (words) => this.#clients.checkIn(words),
    evict: (words) => this.#clients.evict(words),
    hold: (names) => this.#clients.hold(names),
    deliver: (names) => this.#clients.deliver(names),
    push: ([name = '', ...words]) => this.#clients.push(name, this.#next(words).text),
    'push-again': ([name = '']) => this.#clients.push(name, this.#rlf().text),
    offer: ([name = '', ...words]) => this.#offer(name, this.#next(words)),
    'offer-again': ([name = '', sequence]) => this.#offer(name, this.#rlf(Number(sequence))),
    join: (words) => this.#join(words),
    members: (names) => {
      for (const server of this.#named(names)) this.#shown.push(membersText(server, this.#pool));
    },
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
    secrets: (names) => {
      for (const server of this.#named(names)) this.#shown.push(secretsText(server));
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
    const clients = new Clients(pool);
    this.#scenario = { pool, clients, code, rlfs: [pool.rlf], servers: names };
  }

  /** The next RLF. */
  #next(words: readonly string[]): Rlf {
    const started = this.#started;
    started.code = { ...codeIn(words, started.code), distribution: distributionIn(words) };
    return this.#made(words);
  }

  #offer(name: string, rlf: Rlf): void {
    this.#server(name).offer(rlf);
    this.#pool.settle();
  }

  /** One that was made before, the last unless said: 1 is what the pool was founded with. */
  #rlf(sequence = this.#started.rlfs.length): Rlf {
    const rlf = this.#started.rlfs[sequence - 1];
    if (rlf === undefined) throw new Error(`no RLF ${sequence}`);
    return rlf;
  }

  /** `servers=A,B,D` lists others than before, `address=B:1234` says where B is now. */
  #made(words: readonly string[]): Rlf {
    const started = this.#started;
    const listed = optionIn(words, 'servers')?.split(',');
    if (listed !== undefined) started.servers = listed;
    const [moved, port] = optionIn(words, 'address')?.split(':') ?? [];
    const servers = started.servers.map((label) => {
      const server = this.#server(label).listed;
      return label === moved ? { ...server, address: `127.0.0.1:${port}` } : server;
    });
    const { code, rlfs } = started;
    const sequence = rlfs.length + 1;
    const epoch = optionIn(words, 'recover');
    const recover = epoch === undefined ? undefined : Number(epoch);
    const rlf = makeRlf({ sequence, recover, servers, codes: [code] });
    rlfs.push(rlf);
    return rlf;
  }

  /** `join D E servers=A,B,C,D,E`: new servers start with an RLF that names them, or with the last. */
  #join(words: readonly string[]): void {
    const started = this.#started;
    const labels = words.filter((word) => !word.includes('='));
    for (const label of labels) this.#pool.add(label);
    if (labels.length < words.length) {
      started.code = { ...started.code, distribution: null };
      this.#made(words);
    }
    for (const label of labels) {
      const server = this.#server(label);
      server.joinsBy = this.#rlf();
      server.start();
    }
    this.#pool.link();
    this.#pool.settle();
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
function optionIn(words: readonly string[], name: string): string | undefined {
  return words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
}

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
