/**
 * RLFs on their way in over client connections, part by part: a few at a time, each of a bounded
 * size, so that nobody fills the memory of a server with them.
 */
import { LmError } from '../engine/errors.ts';
import { RLF_BYTES_MAX, RLF_UPLOAD_MS_MAX, RLF_UPLOADS_MAX } from '../engine/limits.ts';
import type { RlfPush } from './protocol.ts';

interface Upload {
  readonly bytes: number;
  readonly parts: Uint8Array[];
  taken: number;
  heardAt: number;
}

export class RlfUploads<Sender> {
  readonly #uploads = new Map<Sender, Upload>();

  /**
   * Takes a part at `now`, boot-time clock. Returns how many bytes there are, and the whole text
   * with the last one.
   *
   * @throws LmError `bad-data`: too large, out of order, or no text; `busy`: too many at once.
   */
  take(sender: Sender, push: RlfPush, now: number): { taken: number; text: string | null } {
    const [, , bytes, offset, part] = push;
    const upload = offset === 0 ? this.#begin(sender, bytes, now) : this.#uploads.get(sender);
    const fits = upload !== undefined && upload.bytes === bytes && upload.taken === offset;
    const end = offset + part.length;
    if (!fits || part.length === 0 || end > bytes) {
      this.#uploads.delete(sender);
      const message = 'The parts of a pushed RLF do not follow each other.';
      throw new LmError('bad-data', message, 'Push it again from the beginning.');
    }
    upload.parts.push(part.slice());
    upload.taken = end;
    upload.heardAt = now;
    if (end < bytes) return { taken: end, text: null };
    this.#uploads.delete(sender);
    return { taken: end, text: textOf(upload.parts) };
  }

  /** Its connection is closed. */
  drop(sender: Sender): void {
    this.#uploads.delete(sender);
  }

  #begin(sender: Sender, bytes: number, now: number): Upload {
    this.#uploads.delete(sender);
    if (bytes > RLF_BYTES_MAX) {
      const message = `The RLF has ${bytes} bytes; at most ${RLF_BYTES_MAX} are taken.`;
      throw new LmError('bad-data', message, 'Drop license codes that are over.', { bytes });
    }
    for (const [other, { heardAt }] of this.#uploads) {
      if (now - heardAt > RLF_UPLOAD_MS_MAX) this.#uploads.delete(other);
    }
    if (this.#uploads.size >= RLF_UPLOADS_MAX) {
      const message = 'The server takes in other RLFs at the moment.';
      throw new LmError('busy', message, 'Push it again in a moment.');
    }
    const upload = { bytes, parts: [], taken: 0, heardAt: now };
    this.#uploads.set(sender, upload);
    return upload;
  }
}

function textOf(parts: readonly Uint8Array[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts));
  } catch {
    throw new LmError('bad-data', 'The RLF is not UTF-8 text.', 'Save it as UTF-8.');
  }
}
