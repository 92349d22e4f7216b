/** One server of a scenario: it flushes at once, unless the scenario holds its disk. */
import type { Event } from '../../../src/engine/raft/events.ts';
import { attach, type Message } from '../../../src/engine/raft/messages.ts';
import type { RaftOptions } from '../../../src/engine/raft/options.ts';
import { Raft } from '../../../src/engine/raft/raft.ts';
import type { Entry, Records, ServerId, Stored } from '../../../src/engine/raft/types.ts';
import { Disk } from '../simulation/disk.ts';
import { noticeText, outcomeText, recordsText } from './text.ts';

type WithoutNow<T> = T extends unknown ? Omit<T, 'now'> : never;
export type Happening = WithoutNow<Event>;

interface Host {
  readonly now: number;
  readonly show: (line: string) => void;
  readonly send: (message: Message) => void;
}

export class ScenarioServer {
  readonly id: ServerId;
  readonly disk: Disk;
  raft: Raft | null = null;
  wakeAt: number | null = null;
  isHeld = false;
  readonly #host: Host;
  readonly #options: RaftOptions;
  #unflushed: { records: Records | null; messages: readonly Message[] }[] = [];
  /** The state machine: the text of what was applied, word by word. */
  #state = '';

  constructor(host: Host, options: RaftOptions, stored: Stored) {
    this.#host = host;
    this.#options = options;
    this.id = options.id;
    this.disk = new Disk(stored);
    this.start();
  }

  start(): void {
    const stored = this.disk.stored();
    this.#state = new TextDecoder().decode(stored.snapshot.data);
    this.raft = new Raft(this.#options, stored, this.#host.now);
    this.wakeAt = this.raft.wakeAt;
  }

  crash(): void {
    this.raft = null;
    this.wakeAt = null;
    this.#unflushed = [];
  }

  step(happening: Happening): void {
    if (this.raft === null) return;
    const event: Event = { ...happening, now: this.#host.now };
    const { records, messages, notices, outcome, wakeAt } = this.raft.step(event);
    this.wakeAt = wakeAt;
    if (outcome !== null) this.#show(outcomeText(outcome));
    for (const notice of notices) {
      this.#show(noticeText(notice));
      if (notice.type === 'apply') for (const entry of notice.entries) this.#apply(entry);
      if (notice.type === 'restored') {
        this.#state = new TextDecoder().decode(notice.snapshot.data);
      }
    }
    attach(messages, () => null);
    this.#unflushed.push({ records, messages });
    if (!this.isHeld) this.flush();
  }

  /** Persist, then send, then apply. */
  flush(): void {
    const group = this.#unflushed;
    this.#unflushed = [];
    let batch: number | null = null;
    for (const { records } of group) {
      if (records === null) continue;
      this.disk.write(records);
      this.#show(recordsText(records));
      batch = records.batch;
    }
    for (const { messages } of group) for (const message of messages) this.#host.send(message);
    if (batch !== null) this.step({ type: 'persisted', batch });
  }

  compact(): void {
    const index = this.raft?.status.applied ?? 0;
    this.step({ type: 'compact', index, data: new TextEncoder().encode(this.#state) });
  }

  #apply(entry: Entry): void {
    if (entry.kind !== 'data') return;
    this.#state = `${this.#state} ${new TextDecoder().decode(entry.data)}`.trim();
  }

  #show(text: string): void {
    this.#host.show(`${this.id} ${text}`);
  }
}
