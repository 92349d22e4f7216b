import { type ClientMessage, MessageType } from '../../src/engine/messages.ts';
import type { ServerMessage } from '../../src/net/protocol.ts';

const NAMES = new Map<number, string>(
  Object.entries(MessageType).map(([name, number]) => [number, name]),
);

/** A message in a few words, for the trace. */
export function brief(message: ClientMessage | ServerMessage): string {
  const [type, sequence] = message;
  const name = NAMES.get(type);
  const words = message.slice(2).map((field) => {
    if (field instanceof Uint8Array)
      return field.length > 0 ? Buffer.from(field).toString('hex') : '-';
    return typeof field === 'object' ? '…' : String(field);
  });
  return `${name} ${sequence} ${words.join(' ')}`;
}
