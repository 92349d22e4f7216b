/**
 * The messages that the core reads and answers. Each is one MessagePack array: its type, the
 * sequence number that a reply repeats (0 for a notice nobody asked for), and the fields in the
 * order given here; docs/PROTOCOL.md describes them for other languages. Fields may be added at
 * the end; a receiver ignores those it does not know.
 */
import type { ErrorDetails } from './errors.ts';

export const MessageType = {
  hello: 1,
  welcome: 2,
  error: 3,
  request: 10,
  grant: 11,
  waiting: 12,
  denied: 13,
  probe: 14,
  verdict: 15,
  heartbeat: 20,
  alive: 21,
  gone: 22,
  fenced: 23,
  release: 30,
  released: 31,
  status: 40,
  statusPage: 41,
  rlfGet: 50,
  rlf: 51,
  rlfPush: 54,
  rlfPushed: 55,
  prove: 52,
  proof: 53,
  act: 60,
  done: 61,
} as const;

/** After a protocol error the connection is closed; after any other it lives on. */
export type ErrorMessage = [
  type: typeof MessageType.error,
  sequence: number,
  code: string,
  message: string,
  hint: string,
  details: ErrorDetails,
];

/**
 * Asks for `count` seats, all or none, under a key the client made (16 random bytes). The same key
 * again is a retry, and for a waiter its poll: it finds its own grant or its own place in the line.
 */
export type Request = [
  type: typeof MessageType.request,
  sequence: number,
  key: Uint8Array,
  vendor: string | null,
  application: string,
  version: string | null,
  count: number,
  /** How much longer the client will wait in the line; 0 asks for an answer now. */
  patienceMs: number,
  /** `--hold`: kept this long without heartbeats, then ended; 0 for an ordinary seat. */
  holdMs: number,
  /** The newest place in the line that a server gave it. Absent or null: none. */
  place?: Uint8Array | null,
  /** The seats leave the network (DESIGN section 10). Absent or null: they stay. */
  commute?: CommuteFields | null,
];

/** For how long, and the fingerprint of the machine that they are bound to. */
export type CommuteFields = [days: number, machine: string];

/** The seats are this client's until `lifetimeMs` after it *sent* the request answered here. */
export type Grant = [
  type: typeof MessageType.grant,
  sequence: number,
  ticket: Uint8Array,
  lifetimeMs: number,
  vendor: string,
  application: string,
  version: string,
  count: number,
  /** The sequence of the RLF in force: a higher one than known means a new server list. */
  rlfSequence: number,
];

/** In the line, `position` from its head (1 is next). Polls again before `pollMs` have passed. */
export type Waiting = [
  type: typeof MessageType.waiting,
  sequence: number,
  position: number,
  waiting: number,
  pollMs: number,
  /** What keeps its place at any server of the pool: opaque bytes, at most 1,024. */
  place?: Uint8Array,
];

export type Denied = [
  type: typeof MessageType.denied,
  sequence: number,
  code: string,
  message: string,
  hint: string,
  details: ErrorDetails,
];

/**
 * What a request without patience would be answered now, or with `days` a check-out for so long.
 * Nothing changes by it. The verdict's details have the same `days`, where the server knows them.
 */
export type Probe = [
  type: typeof MessageType.probe,
  sequence: number,
  vendor: string | null,
  application: string,
  version: string | null,
  count: number,
  days?: number | null,
];

/** `code` is `granted`, or that of the denial; `details` has the rule and the numbers. */
export type Verdict = [
  type: typeof MessageType.verdict,
  sequence: number,
  code: string,
  message: string,
  hint: string,
  details: ErrorDetails,
];

/** Keeps a seat alive. The sequence number is the number of the heartbeat. */
export type Heartbeat = [
  type: typeof MessageType.heartbeat,
  sequence: number,
  key: Uint8Array,
  ticket: Uint8Array,
  /** A claim: the fence that a `fenced` reply named (DESIGN section 7). Absent or null: none. */
  fence?: number | null,
  /** True takes over seats that are held (`--hold`): they live by heartbeats from then on. */
  takes?: boolean | null,
];

export type Alive = [
  type: typeof MessageType.alive,
  sequence: number,
  ticket: Uint8Array,
  lifetimeMs: number,
  rlfSequence: number,
];

/**
 * The heartbeat's key is not held anywhere (`unknown-key`), may not go on (a denial code), or is to
 * be asked for again soon: `busy`, `no-majority`.
 */
export type Gone = [
  type: typeof MessageType.gone,
  sequence: number,
  code: string,
  message: string,
  hint: string,
];

/**
 * The server that held the key is fenced. A client whose lifetime still runs repeats the heartbeat
 * at once, here, quoting `fence`: that claims the seat for this server.
 */
export type Fenced = [
  type: typeof MessageType.fenced,
  sequence: number,
  fence: number,
  /** The name of the fenced server, for people. */
  server: string,
];

/** Gives the seats back, or leaves the line. */
export type Release = [
  type: typeof MessageType.release,
  sequence: number,
  key: Uint8Array,
  ticket: Uint8Array,
  /** Of a commuted seat: an index of the ledger at which it was there. Else absent or null. */
  index?: number | null,
];

/** `released` is false where the key had ended already, or never was. */
export type Released = [
  type: typeof MessageType.released,
  sequence: number,
  released: boolean,
  count: number,
];

/** Null filters match everything; `after` is the last id of the page before, or null. */
export type StatusQuery = [
  type: typeof MessageType.status,
  sequence: number,
  application: string | null,
  user: string | null,
  host: string | null,
  after: Uint8Array | null,
];

/**
 * One page of the status: `document` is the object of CLI.md without its `authorizations` (null
 * after the first page), then a page of authorizations, then the id to go on from (null: the end).
 */
export type StatusPage = [
  type: typeof MessageType.statusPage,
  sequence: number,
  document: Record<string, unknown> | null,
  authorizations: AuthorizationFields[],
  next: Uint8Array | null,
];

export type AuthorizationFields = [
  id: Uint8Array,
  vendor: string,
  application: string,
  version: string,
  count: number,
  server: string,
  user: string,
  host: string,
  pid: number,
  address: string,
  /** Milliseconds since 1970 (wall time), for people. */
  since: number,
  expiresAt: number,
  state: string,
];

export type RlfGet = [type: typeof MessageType.rlfGet, sequence: number];
export type RlfText = [type: typeof MessageType.rlf, sequence: number, text: string];

/** An RLF that was pushed: what became of it, or (of a trial) would become. */
export type RlfPushed = [
  type: typeof MessageType.rlfPushed,
  sequence: number,
  /** Bytes taken so far: the next part begins there. */
  taken: number,
  /** Null until all of it was taken. */
  rlf: RlfTaken | null,
];

export interface RlfTaken extends Readonly<Record<string, unknown>> {
  readonly sequence: number;
  readonly digest: string;
  /** This very RLF is in force at this server already. */
  readonly inForce: boolean;
}

/**
 * An administrative act: the canonical JSON of its document (license/admin-act.ts), signed by the
 * admin key over the domain `lm-admin-v1`.
 */
export type Act = [
  type: typeof MessageType.act,
  sequence: number,
  document: string,
  signature: string,
];
/** The act is carried out, or in the ledger. */
export type Done = [type: typeof MessageType.done, sequence: number, details: ErrorDetails];

/** What a client asks of the core. */
export type ClientMessage = Request | Probe | Heartbeat | Release | StatusQuery | RlfGet | Act;

/** What the core answers, or tells unasked. */
export type CoreMessage =
  | ErrorMessage
  | Grant
  | Waiting
  | Denied
  | Verdict
  | Alive
  | Gone
  | Fenced
  | Released
  | StatusPage
  | RlfText
  | RlfPushed
  | Done;
