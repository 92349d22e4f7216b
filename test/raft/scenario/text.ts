/** How a scenario shows what servers store, say and notice: one short line each. */
import type { Notice, Outcome } from '../../../src/engine/raft/events.ts';
import type { Message, PreVote, Vote } from '../../../src/engine/raft/messages.ts';
import type { RaftStatus } from '../../../src/engine/raft/status.ts';
import type { Configuration, Entry, Records } from '../../../src/engine/raft/types.ts';

const decoder = new TextDecoder();

export function configurationText({ voters, learners }: Configuration): string {
  return learners.length === 0
    ? `voters ${voters.join()}`
    : `voters ${voters.join()} learners ${learners.join()}`;
}

export function entryText(entry: Entry): string {
  const place = `${entry.index}/${entry.term}`;
  switch (entry.kind) {
    case 'no-op':
      return `${place} no-op`;
    case 'configuration':
      return `${place} ${configurationText(entry.configuration)}`;
    case 'data':
      return `${place} "${decoder.decode(entry.data)}"`;
  }
}

function entriesText(entries: readonly Entry[]): string {
  return `[${entries.map(entryText).join(', ')}]`;
}

function lastText({ from, to, type, term, lastIndex, lastTerm }: PreVote | Vote): string {
  return `${from}>${to} ${type} term ${term} last ${lastIndex}/${lastTerm}`;
}

export function messageText(message: Message): string {
  const head = `${message.from}>${message.to} ${message.type} term ${message.term}`;
  switch (message.type) {
    case 'heartbeat':
      return `${head} round ${message.round} commit ${message.commit}`;
    case 'append': {
      const after = `${message.previousIndex}/${message.previousTerm}`;
      return `${head} after ${after} ${entriesText(message.entries)} commit ${message.commit}`;
    }
    case 'snapshot': {
      const end = message.offset + message.data.length;
      const bytes = `bytes ${message.offset}-${end} of ${message.totalBytes}`;
      return `${head} of ${message.index}/${message.indexTerm} ${bytes}`;
    }
    case 'heartbeat-ack':
      return `${head} round ${message.round}`;
    case 'append-ack':
      return message.accepted
        ? `${head} has ${message.index}`
        : `${head} refuses ${message.index}, try ${message.hintIndex}/${message.hintTerm}`;
    case 'snapshot-ack':
      return `${head} of ${message.index} wants ${message.offset}`;
    case 'pre-vote':
      return lastText(message);
    case 'vote':
      return `${lastText(message)}${message.transfer ? ' transfer' : ''}`;
    case 'pre-vote-reply': {
      const leader = message.leader === null ? '' : ` ${message.leader}`;
      return message.granted ? `${head} granted` : `${head} refused: ${message.reason}${leader}`;
    }
    case 'vote-reply':
      return `${head} ${message.granted ? 'granted' : 'refused'}`;
    case 'objected':
      return `${head} against ${message.candidate}`;
    default:
      return head;
  }
}

export function noticeText(notice: Notice): string {
  switch (notice.type) {
    case 'role': {
      const leader = notice.role === 'follower' ? ` of ${notice.leader ?? 'nobody'}` : '';
      return `${notice.role}${leader}, term ${notice.term}`;
    }
    case 'round':
      return `begins round ${notice.round}`;
    case 'heard':
      return `hears ${notice.from}, round ${notice.round}`;
    case 'acked':
      return `acked by ${notice.from}, round ${notice.round}`;
    case 'apply':
      return `applies ${entriesText(notice.entries)}`;
    case 'restored': {
      const { index, term, configuration, data } = notice.snapshot;
      const state = decoder.decode(data);
      return `restored at ${index}/${term}: "${state}", ${configurationText(configuration)}`;
    }
    case 'established':
      return `established in term ${notice.term}`;
    case 'configuration':
      return `configuration ${notice.index}: ${configurationText(notice.configuration)}`;
    case 'refused': {
      const leader = notice.leader === null ? '' : `, leader ${notice.leader}`;
      return `refused by ${notice.by}: ${notice.reason}${leader}`;
    }
    case 'objected':
      return `objects to ${notice.candidate}, leader ${notice.leader}`;
    case 'transfer-failed':
      return `gave up the transfer to ${notice.to}`;
    case 'malformed':
      return `drops a malformed message from ${notice.from}`;
  }
}

export function recordsText({ snapshot, entries, hardState }: Records): string {
  const parts: string[] = [];
  if (snapshot !== null) parts.push(`snapshot ${snapshot.index}/${snapshot.term}`);
  if (entries !== null) parts.push(`from ${entries.from} ${entriesText(entries.list)}`);
  if (hardState !== null) {
    parts.push(`term ${hardState.term} vote ${hardState.votedFor ?? 'none'}`);
  }
  return `stores ${parts.join(', ')}`;
}

export function outcomeText(outcome: Outcome): string {
  return outcome.accepted
    ? `accepted at ${outcome.index}/${outcome.term}`
    : `refused: ${outcome.reason}, leader ${outcome.leader ?? 'unknown'}`;
}

export function statusText(status: RaftStatus): string {
  const { role, term, leader, firstIndex, lastIndex, committed, applied } = status;
  const follows = role === 'follower' ? ` of ${leader ?? 'nobody'}` : '';
  const log = `log ${firstIndex}-${lastIndex} committed ${committed} applied ${applied}`;
  const peers = [...status.peers].map(
    ([id, peer]) => `${id} ${peer.mode} match ${peer.match} round ${peer.ackedRound}`,
  );
  const shown = peers.length === 0 ? '' : `; ${peers.join('; ')}`;
  const configuration = configurationText(status.configuration);
  return `${role}${follows}, term ${term}, ${log}, ${configuration}${shown}`;
}
