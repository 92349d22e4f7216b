/** Messages between servers in a few words, for the trace. */

import { decodeEntry } from '../../../src/engine/ledger/entries.ts';
import type { ClientMessage, CoreMessage } from '../../../src/engine/messages.ts';
import type { PeerMessage } from '../../../src/engine/peer-messages.ts';
import type { Message } from '../../../src/engine/raft/messages.ts';
import type { Entry } from '../../../src/engine/raft/types.ts';
import { brief } from '../brief.ts';
import { WALL_START } from '../host.ts';

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
    case 'rotate-secret':
    case 'evict':
    case 'word':
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
      const { round, previousIndex, entries, commit } = message;
      return `${head} r${round} after ${previousIndex} c${commit}: ${entries.map(briefEntry).join(', ')}`;
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

function briefEntry(entry: Entry): string {
  if (entry.kind !== 'data') return entry.kind;
  const decoded = decodeEntry(entry.data);
  switch (decoded.type) {
    case 'move': {
      const { by, license, from, to, count, claim } = decoded;
      const what = claim === null ? '' : ` with ${hex(claim.key.id)} by fence ${claim.fence}`;
      const who = `${shortId(by.server)}${by.session}#${by.number}`;
      return `move ${license} ${count} ${account(from)}>${account(to)}${what} by ${who}`;
    }
    case 'end': {
      const { by, license, key, server, fence, released } = decoded;
      const who = `${shortId(by.server)}${by.session}#${by.number}`;
      const what = `${hex(key.id)} of ${key.count} ${license}`;
      return `end ${what} at ${shortId(server)} fence ${fence} by ${who}${released ? ' released' : ''}`;
    }
    case 'record':
    case 'record-take':
      return `${decoded.type} ${decoded.license} ${decoded.key.count}`;
    case 'record-renew':
    case 'record-end':
      return `${decoded.type} ${decoded.license}`;
    case 'fenced':
      return `fenced ${shortId(decoded.server)}`;
    case 'opened':
      return `opened ${shortId(decoded.server)} fence ${decoded.fence} ${decoded.licenses.join()}`;
    case 'returned':
      return `returned ${shortId(decoded.server)} boot ${decoded.boot} fence ${decoded.fence}`;
    case 'rlf':
      return `rlf ${decoded.sequence}`;
    case 'epoch':
      return `epoch ${decoded.epoch}`;
    case 'evict':
      return `evict ${hex(decoded.id)}`;
    case 'mark':
      return `mark ${decoded.time - WALL_START}`;
    case 'secret':
      return 'secret';
    case 'format':
      return `format ${decoded.format}`;
  }
}

function account(name: string): string {
  return name.startsWith('sha256:') ? shortId(name) : name;
}

function hex(id: string): string {
  return Buffer.from(id, 'latin1').toString('hex').slice(0, 8);
}
