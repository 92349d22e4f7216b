/** InstallSnapshot (§7, Figure 13): a follower behind compaction gets the state, in pieces. */
import { sendAppendAck } from './follower.ts';
import type { SnapshotAck, SnapshotChunk } from './messages.ts';
import type { Progress } from './progress.ts';
import type { RaftState } from './state.ts';
import type { ServerId } from './types.ts';

export function beginSnapshot(raft: RaftState, progress: Progress, to: ServerId): void {
  progress.becomeSnapshot(raft.log.snapshot);
  sendPiece(raft, progress, to);
}

/** One piece is on its way at a time. */
export function sendPiece(raft: RaftState, progress: Progress, to: ServerId): void {
  const { transfer } = progress;
  if (transfer === null) return;
  const { index, term: indexTerm, configuration, data } = transfer.snapshot;
  const { offset } = transfer;
  progress.sentRound = raft.round;
  raft.send({
    type: 'snapshot',
    from: raft.id,
    to,
    term: raft.term,
    round: raft.round,
    attachment: null,
    index,
    indexTerm,
    configuration,
    offset,
    totalBytes: data.length,
    data: data.subarray(offset, offset + raft.options.limits.snapshotChunkBytes),
  });
}

export function handleSnapshotAck(raft: RaftState, message: SnapshotAck): void {
  const progress = raft.progress.get(message.from);
  const transfer = progress?.transfer ?? null;
  if (progress === undefined || transfer === null) return;
  if (transfer.snapshot.index !== message.index || transfer.offset === message.offset) return;
  if (message.offset >= transfer.snapshot.data.length) return;
  transfer.offset = message.offset;
  sendPiece(raft, progress, message.from);
}

/** The follower's side: the last piece replaces its state machine and its whole log. */
export function handleSnapshot(raft: RaftState, message: SnapshotChunk): void {
  const { log } = raft;
  const { index, indexTerm, offset, totalBytes } = message;
  if (index <= log.committed) {
    raft.incoming = null;
    sendAppendAck(raft, message, log.committed);
    return;
  }
  if (log.term(index) === indexTerm) {
    raft.incoming = null;
    log.commitTo(index);
    sendAppendAck(raft, message, index);
    return;
  }
  if (totalBytes > raft.options.limits.snapshotBytesMax) return;
  const incoming = continued(raft, message);
  if (incoming === null || offset !== incoming.bytes) {
    sendSnapshotAck(raft, message, incoming?.bytes ?? 0);
    return;
  }
  incoming.pieces.push(message.data);
  incoming.bytes += message.data.length;
  raft.incoming = incoming;
  if (incoming.bytes < totalBytes) {
    sendSnapshotAck(raft, message, incoming.bytes);
    return;
  }
  raft.incoming = null;
  const data = joined(incoming.pieces, incoming.bytes);
  const snapshot = { index, term: indexTerm, configuration: message.configuration, data };
  log.restore(snapshot);
  raft.notify({ type: 'restored', snapshot });
  sendAppendAck(raft, message, index);
}

/** What arrived so far of the snapshot that this piece belongs to; the first piece begins anew. */
function continued(raft: RaftState, message: SnapshotChunk): RaftState['incoming'] {
  const { from, index, indexTerm, offset } = message;
  const { incoming } = raft;
  const isSame =
    incoming !== null &&
    incoming.from === from &&
    incoming.index === index &&
    incoming.indexTerm === indexTerm;
  if (isSame) return incoming;
  return offset === 0 ? { from, index, indexTerm, pieces: [], bytes: 0 } : null;
}

function sendSnapshotAck(raft: RaftState, message: SnapshotChunk, offset: number): void {
  const { id: from, term } = raft;
  const { from: to, round, index } = message;
  raft.send({ type: 'snapshot-ack', from, to, term, round, attachment: null, index, offset });
}

function joined(pieces: readonly Uint8Array[], bytes: number): Uint8Array {
  const data = new Uint8Array(bytes);
  let offset = 0;
  for (const piece of pieces) {
    data.set(piece, offset);
    offset += piece.length;
  }
  return data;
}
