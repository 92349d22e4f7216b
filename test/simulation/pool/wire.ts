/** Counts what servers say to each other, so that a test can demand that everything was reached. */
import { decodeEntry } from '../../../src/engine/ledger/entries.ts';
import type { PeerMessage } from '../../../src/engine/peer-messages.ts';
import type { Message } from '../../../src/engine/raft/messages.ts';

export class Wire {
  readonly counts = {
    relays: 0,
    relayed: 0,
    reports: 0,
    offers: 0,
    refusals: 0,
    snapshots: 0,
    claimsByEnd: 0,
    claimsByMove: 0,
    releasesByEnd: 0,
    objections: 0,
  };
  /** Entries that were counted, by index and term. */
  readonly #seen = new Set<string>();

  carried(message: PeerMessage): void {
    switch (message.type) {
      case 'raft':
        this.#raft(message.message);
        return;
      case 'relay':
        this.counts.relays++;
        return;
      case 'relayed':
        this.counts.relayed++;
        return;
      case 'report':
        this.counts.reports++;
        return;
      case 'offer':
        this.counts.offers++;
        return;
      case 'refused':
        this.counts.refusals++;
        return;
      case 'transfer':
      case 'rotate-secret':
      case 'evict':
      case 'word':
        return;
    }
  }

  #raft(message: Message): void {
    if (message.type === 'objected') this.counts.objections++;
    if (message.type === 'snapshot') {
      if (message.offset + message.data.length === message.totalBytes) this.counts.snapshots++;
    }
    if (message.type !== 'append') return;
    for (const entry of message.entries) {
      const place = `${entry.index}:${entry.term}`;
      if (entry.kind !== 'data' || this.#seen.has(place)) continue;
      this.#seen.add(place);
      const decoded = decodeEntry(entry.data);
      if (decoded.type === 'end' && decoded.released) this.counts.releasesByEnd++;
      if (decoded.type === 'end' && !decoded.released) this.counts.claimsByEnd++;
      if (decoded.type === 'move' && decoded.claim !== null) this.counts.claimsByMove++;
    }
  }
}
