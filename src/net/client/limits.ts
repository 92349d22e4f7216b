/** The client's bounds and paces, durations in milliseconds of the boot-time clock. */

/** TCP, TLS and the hello, all of it. */
export const DIAL_MS_MAX = 5_000;
/** The next server of the list is tried this long after the one before, or when that one failed. */
export const DIAL_STAGGER_MS = 250;
/** A server that owes a reply this long is taken for dead: the connection is given up. */
export const REPLY_MS_MAX = 5_000;
/** A server that was given an RLF of many licenses verifies each of them before it answers. */
export const JUDGE_MS_MAX = 60_000;
/** The same for heartbeats: a share of the seat's lifetime within these bounds. */
export const HEARTBEAT_REPLY_MS_MIN = 2_000;
export const HEARTBEAT_REPLY_SHARE = 1 / 6;
/** Between rounds over all servers: doubles from the first to the second, with jitter. */
export const BACKOFF_MS_MIN = 100;
export const BACKOFF_MS_MAX = 10_000;
/** A server that served is lost: its clients dial again spread over this, not all at once. */
export const REDIAL_SPREAD_MS = 250;
/** The first pause of a heartbeat that no server could renew yet; doubles to BACKOFF_MS_MAX. */
export const RENEWAL_PAUSE_MS_MIN = 250;
/**
 * So many answers of `busy` from one server, and the next one is asked. They take longer than it
 * takes to fence a server: until then the others would say the same.
 */
export const BUSY_ANSWERS_MAX = 6;
/** Claims of one seat in a row, each answered by another fence; then it pauses. */
export const CLAIMS_MAX = 4;
/** A command that renews or releases a seat waits this long for a lost server to be fenced. */
export const FENCING_MS_MAX = 10_000;
/** A connection that was left for another server is closed when it was idle for this long. */
export const DRAIN_MS = 1_000;
/** A connection to a server that was only visited is kept this long for the next visit. */
export const VISIT_LINGER_MS = 5_000;
/** Timers stand still while a machine sleeps: the boot-time clock is looked at this often. */
export const TICK_MS = 1_000;
/** A request that may not wait is repeated this often after a lost connection. */
export const RETRIES_MAX = 3;
/** Polls of one waiter whose reply still counts. */
export const POLLS_MAX = 4;
/** The least and most that a server may make a waiter pause between polls. */
export const POLL_MS_MIN = 100;
export const POLL_MS_MAX = 8 * 3_600_000;
/** A release that finds no server is given up after this; the seat then ends by its lifetime. */
export const RELEASE_MS_MAX = 2_000;
/** Keys that may have been granted unseen, to be released when their pool answers again. */
export const ORPHANS_MAX = 1_024;
/** The status of a pool waits this long for a server that can't be reached. */
export const STATUS_OPEN_MS_MAX = 2_000;
/** Pages of one status. */
export const STATUS_PAGES_MAX = 2_000;
/** Characters of a server's message and hint that are kept. */
export const MESSAGE_CHARACTERS_MAX = 1_000;
export const TICKET_BYTES_MAX = 1_024;
export const JWS_CHARACTERS_MAX = 8_192;
/** A printed key, cards of one client, servers to dial of one pool. */
export const KEY_TEXT_CHARACTERS_MAX = 8_192;
export const POOLS_MAX = 64;
export const TARGETS_MAX = 64;
