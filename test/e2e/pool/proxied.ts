/**
 * One connection through the network: bytes go on as they come, each way by itself, unless that way
 * is cut. What was sent meanwhile arrives late when it is mended, as after a retransmission.
 */
import type { Socket } from 'node:net';

export interface Ends {
  /** Who dialled, and whom. */
  readonly from: string;
  readonly to: string;
}

/** One way of a connection. */
interface Way {
  readonly from: string;
  readonly to: string;
  readonly source: Socket;
  readonly sink: Socket;
  /** What was sent while it is cut; an end too. */
  held: Buffer[];
  ended: boolean;
}

export class Proxied {
  readonly ends: Ends;
  readonly #ways: readonly [Way, Way];
  readonly #isCut: (from: string, to: string) => boolean;
  readonly #onClosed: () => void;
  #closed = false;

  /** `near` came from who dialled, `far` leads to whom. */
  constructor(
    ends: Ends,
    { near, far }: { readonly near: Socket; readonly far: Socket },
    hooks: {
      readonly isCut: (from: string, to: string) => boolean;
      readonly onClosed: () => void;
    },
  ) {
    const { from, to } = ends;
    this.ends = ends;
    this.#isCut = hooks.isCut;
    this.#onClosed = hooks.onClosed;
    this.#ways = [
      { from, to, source: near, sink: far, held: [], ended: false },
      { from: to, to: from, source: far, sink: near, held: [], ended: false },
    ];
    for (const way of this.#ways) this.#carry(way);
  }

  /** Delivers what may go now. */
  flush(): void {
    for (const way of this.#ways) {
      if (this.#isCut(way.from, way.to)) continue;
      for (const chunk of way.held.splice(0)) way.sink.write(chunk);
      if (way.ended) this.reset();
    }
  }

  reset(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { source } of this.#ways) source.destroy();
    this.#onClosed();
  }

  #carry(way: Way): void {
    const { source, from, to } = way;
    source.setNoDelay(true);
    source.on('data', (chunk: Buffer) => {
      if (this.#isCut(from, to)) way.held.push(chunk);
      else way.sink.write(chunk);
    });
    const end = () => {
      way.ended = true;
      // A process that ended says so by its network: nobody hears it through a cut.
      if (!this.#isCut(from, to)) this.#end(way);
    };
    source.on('error', end).on('end', end).on('close', end);
  }

  /** What was written before the end arrives before it. */
  #end(way: Way): void {
    if (this.#closed) return;
    this.#closed = true;
    way.sink.end();
    for (const { source } of this.#ways) setTimeout(() => source.destroy(), 50);
    this.#onClosed();
  }
}
