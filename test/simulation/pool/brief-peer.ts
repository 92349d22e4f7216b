/** Messages between servers in a few words, for the trace. */

import type { ClientMessage, CoreMessage } from '../../../src/engine/messages.ts';
import type { PeerMessage } from '../../../src/engine/peer-messages.ts';
import type { Message } from '../../../src/engine/raft/messages.ts';
import { brief } from '../brief.ts';

export function briefPeer(message: PeerMessage): string {
  switch (message.type) {
    case 'raft':
      return briefRaft(message.message);
    case 'report':
      return `report of ${message.body.length} bytes`;
    case 'relay':
      return `relay ${message.number} to ${shortId(message.to)}: ${briefOf(message.message)}`;
    case 'relayed':
      return `relayed ${message.number}: ${briefOf(message.message)}`;
    case 'transfer':
      return `transfer to ${shortId(message.to)}`;
    case 'refused':
      return `refused ${message.code}`;
    case 'offer':
    case 'evict':
      return message.type;
  }
}

/** The name of a server by its id, as sample RLFs make them. */
export function shortId(id: string | null): string {
  return id === null ? '-' : String.fromCharCode(0x41 + Number.parseInt(id.slice(-2), 16));
}

function briefOf(message: ClientMessage | CoreMessage): string {
  return brief(message);
}

function briefRaft(message: Message): string {
  const head = `${message.type} t${message.term}`;
  switch (message.type) {
    case 'heartbeat':
      return `${head} r${message.round} c${message.commit}`;
    case 'append': {
      const last = message.entries.at(-1);
      const span = last === undefined ? 'none' : `${message.entries.length} to ${last.index}`;
      return `${head} r${message.round} after ${message.previousIndex}: ${span}, c${message.commit}`;
    }
    case 'snapshot':
      return `${head} r${message.round} at ${message.index}, from byte ${message.offset}`;
    case 'heartbeat-ack':
    case 'snapshot-ack':
      return `${head} r${message.round}`;
    case 'append-ack':
      return `${head} r${message.round} ${message.accepted ? 'ok' : 'no'} ${message.index}`;
    case 'pre-vote':
    case 'vote':
      return `${head} last ${message.lastIndex}@${message.lastTerm}`;
    case 'pre-vote-reply':
      return `${head} ${message.granted ? 'granted' : message.reason} ${shortId(message.leader)}`;
    case 'vote-reply':
      return `${head} ${message.granted ? 'granted' : 'refused'}`;
    case 'objected':
      return `${head} by ${shortId(message.candidate)}`;
    case 'timeout-now':
    case 'leader-check':
      return head;
  }
}
