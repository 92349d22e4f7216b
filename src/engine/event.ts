/** What a core is told of: events come in, effects (effects.ts) go out. */
import type { Client } from './client.ts';
import type { Rlf } from './license/types.ts';
import type { ClientMessage } from './messages.ts';
import type { Push } from './offers.ts';
import type { PeerGreeting, PeerMessage } from './peer-messages.ts';
import type { ServerId } from './raft/types.ts';

export type Event =
  | { readonly type: 'message'; readonly client: Client; readonly message: ClientMessage }
  | { readonly type: 'closed'; readonly client: Client }
  /** Everything that earlier effects wrote is on disk. */
  | { readonly type: 'persisted' }
  /** An RLF, verified, that an administrator offers. */
  | { readonly type: 'offered'; readonly rlf: Rlf }
  /** The text of one that came over a client's connection; of a `trial`, only to be judged. */
  | { readonly type: 'pushed'; readonly push: Push }
  /** A message of another server of the pool, whose TLS key is `from`. */
  | { readonly type: 'peer'; readonly from: ServerId; readonly message: PeerMessage }
  /** The link to another server came up. */
  | { readonly type: 'linked'; readonly peer: ServerId; readonly greeting: PeerGreeting }
  /** The link to another server was refused or reset: it counts as no ack, at once. */
  | { readonly type: 'gone'; readonly peer: ServerId }
  /** The server is about to stop: whoever leads hands leadership on. */
  | { readonly type: 'step-aside' }
  | { readonly type: 'tick' };
