/** The replicated state machine of the tests: all it remembers is the history it was fed. */
import type { Entry, Snapshot } from '../../../src/engine/raft/types.ts';
import { chained } from './hash.ts';

export interface MachineState {
  readonly applied: number;
  /** Hash of everything applied, in order. */
  readonly history: number;
}

const HEADER_BYTES = 16;

export function entryText(entry: Entry): string {
  switch (entry.kind) {
    case 'no-op':
      return 'no-op';
    case 'configuration':
      return `${entry.configuration.voters.join()}/${entry.configuration.learners.join()}`;
    case 'data':
      return new TextDecoder().decode(entry.data);
  }
}

export function applied(state: MachineState, entry: Entry): MachineState {
  const history = chained(state.history, `${entry.index}:${entry.term}:${entryText(entry)}`);
  return { applied: entry.index, history };
}

/** As bytes: a header, and a tail whose every byte depends on its place and on the history. */
export function encodeMachine({ applied: index, history }: MachineState): Uint8Array {
  const data = new Uint8Array(HEADER_BYTES + (history % 300));
  const view = new DataView(data.buffer);
  view.setFloat64(0, index);
  view.setFloat64(8, history);
  for (let place = HEADER_BYTES; place < data.length; place += 1) {
    data[place] = (place * 31 + history) % 251;
  }
  return data;
}

/** Null where the bytes are not those of an encoded machine, say because a piece is missing. */
export function decodeMachine(data: Uint8Array): MachineState | null {
  if (data.length < HEADER_BYTES) return null;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const state = { applied: view.getFloat64(0), history: view.getFloat64(8) };
  const expected = encodeMachine(state);
  if (expected.length !== data.length) return null;
  return expected.every((byte, place) => byte === data[place]) ? state : null;
}

export function machineOf({ index, data }: Snapshot): MachineState | null {
  if (index === 0) return { applied: 0, history: 0 };
  return decodeMachine(data);
}
