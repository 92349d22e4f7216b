/**
 * What servers of one pool say to each other, beyond Raft itself. The bodies of reports are the
 * core's own (pool/report.ts): whoever carries them looks at none.
 */
import type { CoreMessage, Heartbeat, Release } from './messages.ts';
import type { Message } from './raft/messages.ts';
import type { ServerId } from './raft/types.ts';
import type { Start } from './starts.ts';

/** Who a client is, as its connection told the server that relays for it. */
export interface RelayedClient {
  /** `idText` of the instance's 16 bytes. */
  readonly instance: string;
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly address: string;
}

export type PeerMessage =
  | { readonly type: 'raft'; readonly message: Message }
  /** A follower's news for its leader, between two acks. */
  | { readonly type: 'report'; readonly body: Uint8Array }
  /** A leader's news for a follower, between two of Raft's messages. */
  | { readonly type: 'word'; readonly body: Uint8Array }
  /** The text of an RLF that was offered to the sender, for the leader. */
  | { readonly type: 'offer'; readonly text: string }
  /** An administrator wants `to` to lead; for the leader. */
  | { readonly type: 'transfer'; readonly to: ServerId }
  /** An administrator wants the pool's tickets signed by a new secret; for the leader. */
  | { readonly type: 'rotate-secret' }
  /** An administrator ends an authorization; for the leader. */
  | { readonly type: 'evict'; readonly id: Uint8Array; readonly force: boolean }
  /**
   * A client's heartbeat or release for a key that lives at `to`. Whoever gets it and is not `to`
   * passes it on, once. `number` is the origin's, and comes back with the answer.
   */
  | {
      readonly type: 'relay';
      readonly origin: ServerId;
      readonly to: ServerId;
      readonly number: number;
      readonly client: RelayedClient;
      readonly message: Heartbeat | Release;
    }
  | {
      readonly type: 'relayed';
      /** The origin of the relay, to whom this goes. */
      readonly to: ServerId;
      readonly number: number;
      readonly message: CoreMessage;
    }
  /** The sender refuses to work with the receiver, which ends: `rolled-back`. */
  | {
      readonly type: 'refused';
      /** The start that is meant. */
      readonly boot: number;
      readonly code: string;
      readonly message: string;
      readonly hint: string;
    };

/** What servers tell each other of themselves when a link comes up. */
export interface PeerGreeting {
  readonly boot: number;
  /**
   * The number of the last transaction on its disk when it started, the same in all greetings of
   * one start: memory is identity (DESIGN section 5).
   */
  readonly transaction: number;
  /** A random number of this start: two starts of one disk, one of them set back, differ in it. */
  readonly start: number;
  /** Its starts before this one, newest first. Default: none that it knows of. */
  readonly earlier?: readonly Start[];
  /** How long it has been on line: at a cold start the longest leads. */
  readonly uptimeMs: number;
  /** Of the RLF in force there: one that lags is told of the newer one. */
  readonly rlfSequence?: number;
  /** In force there, or under way; 0 for one that waits to be taken in. Default: 1, the first. */
  readonly epoch?: number;
  /** Of the pool there: who does not understand it ends. Default: 1. */
  readonly format?: number;
}
