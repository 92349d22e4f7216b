/** What the two ends of a connection say: the hello, the proof, and the messages of the core. */
import type { ClientMessage, CoreMessage, MessageType } from '../engine/messages.ts';

export * from '../engine/messages.ts';

export const PROTOCOL_MIN = 1;
export const PROTOCOL_MAX = 1;

/** Who connects: an application or a command, or (from 100 on) another server of the pool. */
export type Role = 'client' | 'peer';

/** [user, host, pid]: who asks, as status shows it. Nothing is decided by it. */
export type HolderFields = [user: string, host: string, pid: number];

/** [name, address as HOST:PORT, fingerprint as sha256:<hex>], in leader-priority order. */
export type ServerFields = [name: string, address: string, fingerprint: string];

/** What servers tell each other of themselves (engine/peer-messages.ts, PeerGreeting). */
export type GreetingFields = [
  boot: number,
  transaction: number,
  start: number,
  uptimeMs: number,
  rlfSequence?: number,
  epoch?: number,
  format?: number,
  earlier?: readonly (readonly [boot: number, start: number, transaction: number])[],
];

export type Hello = [
  type: typeof MessageType.hello,
  sequence: number,
  protocolMin: number,
  protocolMax: number,
  role: Role,
  /** The pool that the sender means, or null where it takes any. */
  pool: string | null,
  /** Program and version, for logs. */
  agent: string,
  /** 16 random bytes, one per client instance: the holder of the keys it asks for. */
  instance: Uint8Array,
  holder: HolderFields,
  /** Servers only. */
  greeting?: GreetingFields | null,
];

export type Welcome = [
  type: typeof MessageType.welcome,
  sequence: number,
  protocol: number,
  pool: string,
  server: string,
  rlfSequence: number,
  rlfDigest: string,
  epoch: number,
  servers: ServerFields[],
  /** To servers only. */
  greeting?: GreetingFields | null,
];

/**
 * Asks for the server's signature over a held key: `nonce` is 16 to 64 bytes of the client's. The
 * answer is a compact JWS, `alg` ES256 by the server's TLS key, `typ` `lm-proof+jwt`, with the
 * claims `nonce` and `id` (base64url), `vendor`, `application`, `version`, `count`, `server`
 * (name), `pool`, `iat` and `exp` (seconds since 1970; the end of the key's lifetime). A key that
 * is not held is answered by `gone`.
 */
export type Prove = [
  type: typeof MessageType.prove,
  sequence: number,
  key: Uint8Array,
  nonce: Uint8Array,
];
export type Proof = [type: typeof MessageType.proof, sequence: number, jws: string];

/**
 * A part of the text of an RLF, UTF-8: the parts of one RLF follow each other, each answered before
 * the next is sent. With the last one the RLF is offered to the pool, or in a `trial` only judged.
 */
export type RlfPush = [
  type: typeof MessageType.rlfPush,
  sequence: number,
  /** Of all parts together. */
  bytes: number,
  offset: number,
  part: Uint8Array,
  trial: boolean,
];

/** What a client may send once it said hello. */
export type ClientRequest = ClientMessage | Prove | RlfPush;

/** What a server answers, or tells unasked. */
export type ServerMessage = CoreMessage | Welcome | Proof;
