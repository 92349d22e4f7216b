/**
 * What a step asks for. Whoever runs the core persists the writes in one transaction, flushes, and
 * only then sends the replies: nothing is promised that a crash could take back.
 */
import type { Client } from './client.ts';
import type { CoreMessage } from './messages.ts';
import type { PeerMessage } from './peer-messages.ts';
import type { ServerId } from './raft/types.ts';
import type { Write } from './records.ts';

export interface Reply {
  readonly client: Client;
  readonly message: CoreMessage;
}

/** For another server of the pool. Like replies, it goes out once the writes are flushed. */
export interface PeerSend {
  readonly to: ServerId;
  readonly message: PeerMessage;
}

/** Something an operator would want in the log. */
export interface Notice {
  readonly level: 'info' | 'warn';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Effects {
  readonly writes: readonly Write[];
  readonly replies: readonly Reply[];
  readonly sends: readonly PeerSend[];
  readonly notices: readonly Notice[];
}

/** Effects while they gather. */
export class Outbox {
  writes: Write[] = [];
  replies: Reply[] = [];
  sends: PeerSend[] = [];
  notices: Notice[] = [];
  /** Answers for clients of other servers; the core knows the way. */
  relayed: { readonly origin: ServerId; readonly number: number; readonly message: CoreMessage }[] =
    [];

  reply(client: Client, message: CoreMessage): void {
    if (client.relay === undefined) this.replies.push({ client, message });
    else this.relayed.push({ ...client.relay, message });
  }

  tell(to: ServerId, message: PeerMessage): void {
    this.sends.push({ to, message });
  }

  note(level: Notice['level'], message: string, fields: Notice['fields'] = {}): void {
    this.notices.push({ level, message, fields });
  }

  takeRelayed(): Outbox['relayed'] {
    const { relayed } = this;
    this.relayed = [];
    return relayed;
  }

  /** Hands over what has gathered and starts anew. */
  take(): Effects {
    const { writes, replies, sends, notices } = this;
    this.writes = [];
    this.replies = [];
    this.sends = [];
    this.notices = [];
    return { writes, replies, sends, notices };
  }
}
