/** Carries out the commands of a scenario. */
import type { ConfigurationChange } from '../../../src/engine/raft/events.ts';
import type { ScenarioRunner } from '../../scenario-files.ts';
import { ScenarioPool } from './pool.ts';
import type { ScenarioServer } from './server.ts';
import { entryText, statusText } from './text.ts';

type Command = (words: readonly string[]) => void;

export class Runner implements ScenarioRunner {
  #pool: ScenarioPool | null = null;
  #shown: string[] = [];

  run(command: string): string[] {
    this.#shown = [];
    const words = command.split(' ');
    const isQuiet = words[0] === 'quietly';
    const [name = '', ...rest] = isQuiet ? words.slice(1) : words;
    const act = this.#commands[name];
    if (act === undefined) throw new Error(`unknown command ${name}`);
    act(rest);
    return isQuiet ? [] : this.#shown;
  }

  get #started(): ScenarioPool {
    if (this.#pool === null) throw new Error('a scenario begins with a pool');
    return this.#pool;
  }

  readonly #commands: Readonly<Record<string, Command>> = {
    pool: (words) => this.#begin(words),
    join: ([id = '']) => this.#started.join(id),
    deliver: ([link]) => this.#started.deliver(link ?? null),
    drop: ([link]) => this.#started.drop(link ?? null),
    duplicate: ([link]) => this.#started.duplicate(link ?? null),
    settle: () => this.#started.settle(),
    advance: ([ms]) => this.#started.advance(Number(ms)),
    mend: () => this.#started.cuts.clear(),
    cut: (links) => {
      for (const link of links) this.#started.cuts.add(link);
    },
    inject: ([link = '', ...json]) => {
      const [from, to] = link.split('>');
      this.#started.send({ ...JSON.parse(json.join(' ')), from, to });
    },
    campaign: ([id]) => this.#server(id).step({ type: 'campaign' }),
    'step-down': ([id]) => this.#server(id).step({ type: 'step-down' }),
    gone: ([id, peer = '']) => this.#server(id).step({ type: 'gone', peer }),
    transfer: ([id, to = '']) => this.#server(id).step({ type: 'transfer', to }),
    propose: ([id, ...values]) => {
      const data = values.map((value) => new TextEncoder().encode(value));
      this.#server(id).step({ type: 'propose', data });
    },
    change: ([id, action = '', server = '']) => {
      this.#server(id).step({ type: 'change', change: { action: actionOf(action), server } });
    },
    compact: ([id]) => this.#server(id).compact(),
    hold: ([id]) => {
      this.#server(id).isHeld = true;
    },
    flush: ([id]) => {
      this.#server(id).isHeld = false;
      this.#server(id).flush();
    },
    crash: ([id]) => this.#server(id).crash(),
    restart: ([id]) => {
      this.#server(id).crash();
      this.#server(id).start();
    },
    status: (ids) => {
      for (const id of ids) {
        const status = this.#server(id).raft?.status;
        this.#shown.push(`${id} ${status === undefined ? 'down' : statusText(status)}`);
      }
    },
    log: ([id]) => {
      this.#shown.push(...(this.#server(id).raft?.entries(0) ?? []).map(entryText));
    },
  };

  #server(id: string | undefined): ScenarioServer {
    return this.#started.server(id);
  }

  /** `pool A B C entriesPerMessageMax=1`. */
  #begin(words: readonly string[]): void {
    const limits: Record<string, number> = {};
    for (const word of words.filter((each) => each.includes('='))) {
      const [name = '', value] = word.split('=');
      limits[name] = Number(value);
    }
    const ids = words.filter((word) => !word.includes('='));
    this.#pool = new ScenarioPool(ids, limits, (line) => this.#shown.push(line));
  }
}

function actionOf(word: string): ConfigurationChange['action'] {
  if (word === 'add-learner' || word === 'promote' || word === 'remove') return word;
  throw new Error(`unknown change ${word}`);
}
