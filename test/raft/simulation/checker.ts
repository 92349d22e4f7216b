/**
 * The five properties of the paper's Figure 3, and what else must hold at every step, judged from
 * outside: by what servers hand out to be stored, sent and applied, and by what disks hold.
 */
import type { Effects, Event } from '../../../src/engine/raft/events.ts';
import type { Message } from '../../../src/engine/raft/messages.ts';
import type { RaftStatus } from '../../../src/engine/raft/status.ts';
import type { Entry, ServerId, Stored } from '../../../src/engine/raft/types.ts';
import { chained } from './hash.ts';
import { applied, entryText, type MachineState } from './machine.ts';

export class Violation extends Error {
  readonly property: string;

  constructor(property: string, details: string) {
    super(`${property}: ${details}`);
    this.property = property;
  }
}

/** A place in a log: its term, and a hash of the log up to and including it. */
interface Place {
  readonly term: number;
  readonly chain: number;
}

/** One server's log as it was handed out, and where configurations stand in it. */
interface View {
  places: Map<number, Place>;
  lastIndex: number;
  committed: number;
  configurations: number[];
}

interface Server {
  readonly id: ServerId;
  /** Rises with every start and crash. */
  readonly life: number;
}

type CountHolders = (voters: readonly ServerId[], index: number, term: number) => number;

export class Checker {
  readonly #leaders = new Map<number, string>();
  readonly #votes = new Map<string, ServerId>();
  readonly #terms = new Map<ServerId, number>();
  readonly #chains = new Map<string, number>([
    ['0:0', 0],
    ['1:1', 0],
  ]);
  readonly #committed = new Map<number, Place>([[1, { term: 1, chain: 0 }]]);
  #committedIndex = 1;
  /** How far each term's leader had committed. */
  readonly #committedBy = new Map<number, number>();
  readonly #histories = new Map<number, number>();
  readonly #views = new Map<ServerId, View>();
  readonly #countHolders: CountHolders;
  /** How many elections and commits there were: a run without them shows nothing. */
  elections = 0;

  constructor(countHolders: CountHolders) {
    this.#countHolders = countHolders;
  }

  get committedIndex(): number {
    return this.#committedIndex;
  }
  get termMax(): number {
    return Math.max(0, ...this.#leaders.keys());
  }

  started(id: ServerId, { snapshot, entries, applied: from, hardState }: Stored): void {
    this.#checkTerm(id, hardState.term);
    const view: View = {
      places: new Map(),
      lastIndex: snapshot.index,
      committed: from,
      configurations: [snapshot.index],
    };
    this.#views.set(id, view);
    this.#place(view, snapshot.index, snapshot.term);
    for (const entry of entries) this.#append(id, view, entry);
  }

  /** After a step, before anything of it is stored or sent. */
  stepped({ id, life }: Server, event: Event, effects: Effects, status: RaftStatus): void {
    const view = this.#view(id);
    this.#checkTerm(id, status.term);
    if (effects.records !== null) {
      const { snapshot, entries } = effects.records;
      if (snapshot !== null && effects.notices.some(({ type }) => type === 'restored')) {
        view.places = new Map();
        view.configurations = [snapshot.index];
        this.#place(view, snapshot.index, snapshot.term);
      }
      if (entries !== null) this.#replace(id, view, entries.from, entries.list);
    }
    this.#checkCommit(id, view, status);
    for (const notice of effects.notices) {
      if (notice.type === 'role' && notice.role === 'leader') {
        this.#checkLeader(id, life, view, notice.term);
      }
    }
    if (event.type === 'change' && effects.outcome?.accepted === true) {
      this.#checkChange(id, view, status.term);
    }
  }

  /** §5.2: one vote a server and term, also over a crash. */
  sent(message: Message): void {
    if (message.type !== 'vote-reply' || !message.granted) return;
    const { from, to, term } = message;
    const before = this.#votes.get(`${from}:${term}`);
    if (before !== undefined && before !== to) {
      throw new Violation('one vote a term', `${from} voted for ${before} and ${to} in ${term}`);
    }
    this.#votes.set(`${from}:${term}`, to);
  }

  /** State machine safety: the same entry at an index everywhere, none left out, none twice. */
  applied(id: ServerId, before: MachineState, entry: Entry): MachineState {
    if (entry.index !== before.applied + 1) {
      throw new Violation('applied in order', `${id}: ${entry.index} after ${before.applied}`);
    }
    const after = applied(before, entry);
    const known = this.#histories.get(after.applied) ?? after.history;
    if (known !== after.history) {
      throw new Violation('state machine safety', `${id} differs at index ${after.applied}`);
    }
    this.#histories.set(after.applied, after.history);
    return after;
  }

  restored(id: ServerId, index: number, state: MachineState | null): MachineState {
    if (state === null || state.applied !== index) {
      throw new Violation('snapshots are whole', `${id} got ${state?.applied} for ${index}`);
    }
    if (index > 1 && this.#histories.get(index) !== state.history) {
      throw new Violation('state machine safety', `${id}: the snapshot at ${index} differs`);
    }
    return state;
  }

  #checkTerm(id: ServerId, term: number): void {
    const before = this.#terms.get(id) ?? 0;
    if (term < before) throw new Violation('terms never fall', `${id}: ${term} after ${before}`);
  }

  /** What a server has flushed or told others may not be forgotten; called once that is so. */
  remember(id: ServerId, term: number): void {
    this.#terms.set(id, Math.max(term, this.#terms.get(id) ?? 0));
  }

  /** Election safety and leader completeness. */
  #checkLeader(id: ServerId, life: number, view: View, term: number): void {
    // Not even the same server leads a term twice, before and after a crash.
    const leader = `${id} in life ${life}`;
    const before = this.#leaders.get(term) ?? leader;
    if (before !== leader) {
      throw new Violation('election safety', `${before} and ${leader} lead ${term}`);
    }
    if (!this.#leaders.has(term)) this.elections += 1;
    this.#leaders.set(term, leader);
    // A leader whose votes came late owes nothing to later terms: it will never commit.
    const earlier = [...this.#committedBy].filter(([other]) => other < term);
    const index = Math.max(1, ...earlier.map(([, committed]) => committed));
    const isInSnapshot = index <= Math.min(...view.places.keys());
    if (!isInSnapshot && view.places.get(index)?.chain !== this.#committed.get(index)?.chain) {
      throw new Violation(
        'leader completeness',
        `${id} leads ${term} without the committed entry ${index}`,
      );
    }
  }

  #checkCommit(id: ServerId, view: View, status: RaftStatus): void {
    const { committed, configuration } = status;
    for (let index = view.committed + 1; index <= committed; index += 1) {
      const place = view.places.get(index);
      const known = this.#committed.get(index);
      if (place === undefined) continue;
      if (known !== undefined && known.chain !== place.chain) {
        throw new Violation('state machine safety', `${id} commits another entry at ${index}`);
      }
      this.#committed.set(index, place);
    }
    view.committed = Math.max(view.committed, committed);
    if (committed <= this.#committedIndex) return;
    this.#committedIndex = committed;
    this.#committedBy.set(status.term, committed);
    const { voters } = configuration;
    const term = view.places.get(committed)?.term ?? 0;
    // §5.4.2, Figure 8: an earlier term's entry is committed only along with one of this term.
    if (term !== status.term) {
      throw new Violation('only its own term by count', `${id} commits ${committed} of ${term}`);
    }
    const holders = this.#countHolders(voters, committed, term);
    if (holders * 2 <= voters.length) {
      throw new Violation(
        'a majority has stored what is committed',
        `${id} commits ${committed} that ${holders} of ${voters.length} have stored`,
      );
    }
  }

  /** Dissertation §4.1, and the correction of 2015: after a commit of the leader's own term. */
  #checkChange(id: ServerId, view: View, term: number): void {
    const before = view.configurations.at(-2) ?? 0;
    if (before > view.committed) {
      throw new Violation('one change at a time', `${id} while ${before} is not committed`);
    }
    // As far as this leader knows: a newer one may have committed more meanwhile.
    if (view.places.get(view.committed)?.term !== term) {
      throw new Violation('one change at a time', `${id} before a commit of its own term ${term}`);
    }
  }

  #replace(id: ServerId, view: View, from: number, list: readonly Entry[]): void {
    for (let index = from; index <= view.lastIndex; index += 1) view.places.delete(index);
    view.lastIndex = from - 1;
    view.configurations = view.configurations.filter((index) => index < from);
    for (const entry of list) this.#append(id, view, entry);
  }

  /** Log matching: equal index and term mean equal logs up to there. */
  #append(id: ServerId, view: View, entry: Entry): void {
    const { index, term } = entry;
    const before = view.places.get(index - 1);
    if (index <= view.lastIndex) return;
    const chain = chained(before?.chain ?? 0, `${index}:${term}:${entryText(entry)}`);
    const known = this.#chains.get(`${index}:${term}`) ?? chain;
    if (known !== chain || before === undefined) {
      throw new Violation('log matching', `${id} differs at index ${index} of term ${term}`);
    }
    this.#chains.set(`${index}:${term}`, chain);
    view.places.set(index, { term, chain });
    view.lastIndex = index;
    if (entry.kind === 'configuration') view.configurations.push(index);
  }

  #place(view: View, index: number, term: number): void {
    const chain = this.#chains.get(`${index}:${term}`);
    if (chain === undefined) {
      throw new Violation('snapshots are whole', `nobody had an entry ${index} of term ${term}`);
    }
    view.places.set(index, { term, chain });
    view.lastIndex = index;
  }

  #view(id: ServerId): View {
    const view = this.#views.get(id);
    if (view === undefined) throw new Error(`${id} was never started`);
    return view;
  }
}
