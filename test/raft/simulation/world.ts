/** The servers of one run, the network between them, and the trace of what happens. */
import type { Effects, Event } from '../../../src/engine/raft/events.ts';
import type { Message } from '../../../src/engine/raft/messages.ts';
import type { CampaignContext } from '../../../src/engine/raft/options.ts';
import type { Raft } from '../../../src/engine/raft/raft.ts';
import {
  foundingState,
  joiningState,
  type ServerId,
  type Stored,
} from '../../../src/engine/raft/types.ts';
import { Checker } from './checker.ts';
import { chained } from './hash.ts';
import { encodeMachine } from './machine.ts';
import { SimulatedNode } from './node.ts';
import { DURATIONS, limitsOf, type RunOptions } from './options.ts';
import type { Random } from './random.ts';
import { Schedule } from './schedule.ts';

/** Raft as shipped, or a mutant of it. */
export interface Build {
  readonly Raft: typeof Raft;
  readonly repliesBeforeFlush?: boolean;
}

const FIRST_ID = 'A'.charCodeAt(0);
const SERVERS_EVER_MAX = 12;

export class World {
  readonly schedule = new Schedule();
  readonly nodes = new Map<ServerId, SimulatedNode>();
  readonly checker: Checker;
  readonly random: Random;
  readonly options: RunOptions;
  readonly build: Build;
  /** Directed: `from>to`. */
  readonly cuts = new Set<string>();
  /** False once the network is healed: from then on nothing is lost, late or duplicated. */
  isFaulty = true;
  traceHash = 0;
  steps = 0;
  readonly #print: ((line: string) => void) | null;

  constructor(
    build: Build,
    random: Random,
    options: RunOptions,
    print: ((line: string) => void) | null,
  ) {
    this.build = build;
    this.random = random;
    this.options = options;
    this.#print = print;
    this.checker = new Checker(
      (voters, index, term) =>
        voters.filter((id) => this.nodes.get(id)?.disk.holds(index, term) === true).length,
    );
    const names = Array.from({ length: options.servers }, (_, place) => this.#name(place));
    const data = encodeMachine({ applied: 1, history: 0 });
    for (const id of names) this.#add(id, foundingState(names, data));
  }

  get running(): SimulatedNode[] {
    return [...this.nodes.values()].filter((node) => node.isRunning);
  }

  /** Who says that it leads; of several, the one in the highest term. */
  get leader(): SimulatedNode | null {
    const leaders = this.running.filter((node) => node.raft?.status.role === 'leader');
    leaders.sort((a, b) => (b.raft?.status.term ?? 0) - (a.raft?.status.term ?? 0));
    return leaders[0] ?? null;
  }

  /** A new server that joins, or null where there were enough. */
  addJoiner(): SimulatedNode | null {
    if (this.nodes.size >= SERVERS_EVER_MAX) return null;
    return this.#add(this.#name(this.nodes.size), joiningState());
  }

  send(message: Message): void {
    this.#deliver(message);
    if (this.isFaulty && this.random.chance(this.options.duplicateChance)) this.#deliver(message);
  }

  /** Whether a server crashes now that it has sent this: at the moments that matter most. */
  isWatchedByVultures(message: Message): boolean {
    const { isFaulty, options, random, nodes } = this;
    if (!isFaulty || options.vultureChance === 0) return false;
    const isVote = message.type === 'vote-reply' && message.granted;
    const isFirst =
      message.type === 'append' && nodes.get(message.from)?.raft?.status.established === false;
    return (isVote || isFirst) && random.chance(options.vultureChance);
  }

  crash(node: SimulatedNode, downMs: number): void {
    if (!node.isRunning) return;
    node.crash();
    const { life } = node;
    this.schedule.after(downMs, () => {
      if (node.life === life) node.start();
    });
  }

  note(text: string): void {
    const line = `${this.schedule.now.toFixed(3)} ${text}`;
    this.traceHash = chained(this.traceHash, line);
    this.#print?.(line);
  }

  trace(id: ServerId, event: Event, effects: Effects): void {
    this.steps += 1;
    const { records, messages, notices } = effects;
    const what = event.type === 'message' ? summary(event.message) : event.type;
    const stored = records === null ? '' : ` stores ${recordsText(records)}`;
    const told = notices.map((notice) =>
      notice.type === 'role' ? `${notice.role}@${notice.term}` : notice.type,
    );
    const sent = messages.map(summary);
    this.note(`${id} ${what}${stored} [${told.join()}] -> ${sent.join('; ')}`);
  }

  #deliver(message: Message): void {
    const { random, options, schedule } = this;
    const { from, to } = message;
    if (this.cuts.has(`${from}>${to}`)) return;
    if (this.isFaulty && random.chance(options.lossChance)) return;
    const isSlow = this.isFaulty && random.chance(options.slowChance);
    const delayMs = 0.5 + random.fraction() * (isSlow ? options.slowMsMax : 3);
    schedule.after(delayMs, () => {
      const receiver = this.nodes.get(to);
      if (receiver?.isRunning === true) receiver.happen({ type: 'message', message });
      else this.#refuse(from, to);
    });
  }

  /** A connection to a server that is down is refused, and its peer often hears so. */
  #refuse(from: ServerId, to: ServerId): void {
    if (!this.random.chance(0.5) || this.cuts.has(`${to}>${from}`)) return;
    this.schedule.after(1, () => this.nodes.get(from)?.happen({ type: 'gone', peer: to }));
  }

  #name(place: number): ServerId {
    return String.fromCharCode(FIRST_ID + place);
  }

  #add(id: ServerId, stored: Stored): SimulatedNode {
    const campaignDelayMs = (context: CampaignContext): number => this.#delay(id, context);
    const limits = limitsOf(this.options);
    const node = new SimulatedNode(
      this,
      { id, durations: DURATIONS, limits, campaignDelayMs },
      stored,
    );
    this.nodes.set(id, node);
    node.start();
    return node;
  }

  /** By priority at first, as in the pool; after a few rounds by chance. */
  #delay(id: ServerId, { round, objected }: CampaignContext): number {
    const priority = id.charCodeAt(0) - FIRST_ID;
    const { campaignSpreadMs } = this.options;
    const spreadMs = (campaignSpreadMs + 20 * Math.min(round, 10)) * (objected ? 4 : 1);
    return (priority * campaignSpreadMs) / 3 + this.random.fraction() * spreadMs;
  }
}

function summary(message: Message): string {
  const { type, from, to, term } = message;
  const head = `${from}>${to} ${type} t${term}`;
  switch (message.type) {
    case 'append':
      return `${head} ${message.previousIndex}+${message.entries.length} c${message.commit}`;
    case 'append-ack':
      return `${head} ${message.accepted ? 'ok' : 'no'} ${message.index} h${message.hintIndex}`;
    case 'snapshot':
      return `${head} ${message.index} at ${message.offset} of ${message.totalBytes}`;
    case 'pre-vote-reply':
      return `${head} ${message.reason ?? 'granted'}`;
    case 'vote-reply':
      return `${head} ${message.granted ? 'granted' : 'refused'}`;
    default:
      return head;
  }
}

function recordsText({ batch, snapshot, entries, hardState }: NonNullable<Effects['records']>) {
  const parts = [`#${batch}`];
  if (snapshot !== null) parts.push(`snapshot ${snapshot.index}`);
  if (entries !== null) parts.push(`${entries.from}+${entries.list.length}`);
  if (hardState !== null) parts.push(`t${hardState.term} v${hardState.votedFor ?? '-'}`);
  return parts.join(' ');
}
