/**
 * What waits to be sent on a link, bounded in bytes. What is too much is dropped: Raft repeats what
 * it misses, and old news is worth less than memory.
 */
import { assert } from '../engine/errors.ts';
import { PEER_FRAME_BYTES_MAX, PEER_PIECE_BYTES, PEER_QUEUE_BYTES_MAX } from '../engine/limits.ts';
import { encodeFrame } from './frames.ts';

/** Writes bytes, and calls back when the network has taken them. */
export type Write = (bytes: Uint8Array, taken: () => void) => void;

export class SendQueue {
  readonly #write: Write;
  #frames: Uint8Array[] = [];
  /** Of the frames and of what is being written. Invariant: at most PEER_QUEUE_BYTES_MAX. */
  #bytes = 0;
  #writing = false;
  /** Pieces that the network took. */
  taken = 0;
  dropped = 0;

  constructor(write: Write) {
    this.#write = write;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps the message until `flush`, or drops it where too much waits already. */
  add(message: readonly unknown[]): void {
    const frame = this.#bytes < PEER_QUEUE_BYTES_MAX ? encodeFrame(message) : null;
    if (frame === null || this.#bytes + frame.length > PEER_QUEUE_BYTES_MAX) {
      this.dropped++;
      return;
    }
    assert(frame.length <= PEER_FRAME_BYTES_MAX, 'a message to a peer fits a frame');
    this.#frames.push(frame);
    this.#bytes += frame.length;
  }

  /** Writes what waits, in as few writes as its size allows, each when the last one was taken. */
  flush(): void {
    if (this.#writing || this.#frames.length === 0) return;
    const [first] = this.#frames;
    const one = this.#frames.length === 1 && first !== undefined;
    const bytes = one ? first : Buffer.concat(this.#frames);
    this.#frames = [];
    this.#writing = true;
    this.#writeFrom(bytes, 0);
  }

  #writeFrom(bytes: Uint8Array, start: number): void {
    const piece = bytes.subarray(start, start + PEER_PIECE_BYTES);
    const end = start + piece.length;
    this.#write(piece, () => {
      this.taken++;
      this.#bytes -= piece.length;
      if (end < bytes.length) {
        this.#writeFrom(bytes, end);
        return;
      }
      this.#writing = false;
      this.flush();
    });
  }
}
