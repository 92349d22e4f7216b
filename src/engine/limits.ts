/** Every bound in one place (STYLE.md rule 6). Sizes in bytes, durations in milliseconds. */
import { assert } from './errors.ts';

/** Frames: what one side accepts from the other before and after the hello. */
export const HELLO_BYTES_MAX = 4 * 1024;
export const CLIENT_FRAME_BYTES_MAX = 64 * 1024;
export const SERVER_FRAME_BYTES_MAX = 4 * 1024 * 1024;
/** How deep arrays and maps of a message may nest. */
export const MESSAGE_DEPTH_MAX = 8;

export const CONNECTIONS_MAX = 20_000;
/** Requests one connection may have unanswered; further frames wait in its socket. */
export const PIPELINE_MAX = 1_024;
/** Replies that a client does not read: past this it is cut off. */
export const SEND_BUFFER_BYTES_MAX = 8 * 1024 * 1024;
export const HANDSHAKE_MS_MAX = 10_000;
/** A frame that has begun must end within this (slow-loris). */
export const FRAME_MS_MAX = 10_000;
/** A connection without a key, a waiter or a message is closed after this. */
export const IDLE_MS_MAX = 30 * 60_000;

export const NAME_CHARACTERS_MAX = 63;
export const APPLICATION_BYTES_MAX = 255;
export const VERSION_BYTES_MAX = 63;
export const VERSION_FIELDS_MAX = 8;
/** User and host of a holder, cut to this many characters. */
export const HOLDER_CHARACTERS_MAX = 255;

export const RLF_BYTES_MAX = 3 * 1024 * 1024;
/** Of a pushed RLF in one message, and RLFs that one server takes in at a time. */
export const RLF_PART_BYTES_MAX = 48 * 1024;
export const RLF_UPLOADS_MAX = 4;
/** The parts of a pushed RLF follow each other within this. */
export const RLF_UPLOAD_MS_MAX = 10_000;
export const CODE_BYTES_MAX = 8 * 1024;
export const CARD_BYTES_MAX = 64 * 1024;
export const KEY_FILE_BYTES_MAX = 16 * 1024;
/** How often the admin key of one pool can have been handed over. */
export const ADMIN_CHAIN_MAX = 16;
export const COMMUTER_DAYS_MAX = 366;
/** A commuter's seat is used until its end by its own clock, and comes back so much later. */
export const COMMUTER_DAY_MS = 24 * 3_600_000;
export const COMMUTER_SKEW_MS = 3_600_000;
/** The base64url of a SHA-256: what names a commuter's machine. */
export const MACHINE_CHARACTERS = 43;
export const LICENSES_MAX = 5_000;
export const SERVERS_MAX = 11;
/** Restarts of a pool from survivors. The terms of each are beyond those of all before. */
export const EPOCH_MAX = 1_000_000;
export const EPOCH_TERMS = 1_000_000_000;
/** No leader may be heard for so long before a server takes its majority for gone. */
export const RECOVER_QUIET_MS = 10_000;
export const RECOVER_LOOK_MS = 500;
export const SEATS_MAX = 10_000_000;
export const SEATS_PER_REQUEST_MAX = 1_000_000;

/** Waiters in the line of one license. */
export const LINE_LENGTH_MAX = 10_000;
export const PATIENCE_MS_MAX = 30 * 24 * 3_600_000;
export const HOLD_MS_MAX = 24 * 3_600_000;
/** How long others are asked for seats before a request that may not wait is refused. */
export const BORROW_MS_MAX = 1_000;
/** A waiter whose connection is gone keeps its place this long. */
export const WAITER_GRACE_MS = 10_000;

export const KEY_LIFETIME_MS_DEFAULT = 10 * 60_000;
export const KEY_LIFETIME_MS_MAX = 24 * 3_600_000;

/** DESIGN section 6: heartbeat of the leader, window W, margin and the bound d on clock drift. */
export const HEARTBEAT_MS = 500;
export const LEADER_MISSING_MS = 2_000;
export const WINDOW_MS = 3_000;
export const MARGIN_MS = 200;
export const CLOCK_DRIFT_MAX = 0.01;
/** How far, in a minute, license time follows a wall clock that jumped ahead. */
export const CLOCK_SLEW_MS_MAX = 1_000;
/** L >= 4 (2W(1+d) + margin), or the license code is refused. */
export const KEY_LIFETIME_MS_MIN = 4 * (2 * WINDOW_MS * (1 + CLOCK_DRIFT_MAX) + MARGIN_MS);

/** How long usage may change before the leader hears of it. */
export const REPORT_INTERVAL_MS = 50;
/** Rows and bytes of proposals in one report. */
export const REPORT_ROWS_MAX = 1_000;
export const REPORT_PROPOSAL_BYTES_MAX = 128 * 1024;
/** Proposals of one server that are not applied yet. */
export const PROPOSALS_MAX = 16_384;
/** A proposal that is not applied by then is sent to the leader again. */
export const PROPOSAL_AGAIN_MS = 1_000;
/** Acks whose send time is remembered until the leader echoes one. */
export const ECHOES_MAX = 256;
/** Acks within this share a number. */
export const ECHO_SPACING_MS = 20;
/** How often what other servers showed of themselves is written at most. */
export const PEER_RECORD_INTERVAL_MS = 1_000;
/** At a cold start, servers that came on line within this of each other go by priority. */
export const START_TIE_MS = 10_000;
/** A heartbeat passed on to another server is answered within this, or not at all. */
export const RELAY_MS_MAX = 5_000;
/** An RLF that was offered here is shown to the leader so often, until it is in force. */
export const OFFER_AGAIN_MS = 1_000;
/** License codes verified at a time, how long after each other, and how many need no such care. */
export const CODES_READ_AT_ONCE = 32;
export const CODES_READ_PAUSE_MS = 15;
export const CODES_READ_WHOLE = 256;
/** How long a leader waits for its followers to have read an RLF before it is in force. */
export const RLF_READ_MS_MAX = 30_000;
/** RLFs that wait to be read. */
export const RLF_READINGS_MAX = 8;
/** And by a server that is not in the pool yet. */
export const OFFER_OUTSIDE_MS = 5_000;
/** How often a leader looks whether the pool is as its RLF says, while it is not. */
export const MEMBERSHIP_LOOK_MS = 100;
/** A server on its way out has that long to give up what is free there. */
export const DRAIN_MS_MAX = 10_000;
/** Servers that the RLF in force does not name and that are heard all the same, with an RLF. */
export const STRANGERS_MAX = 8;
/** How long an administrative act may be valid, and how many are remembered meanwhile. */
export const ACT_MS_MAX = 10 * 60_000;
export const ACTS_KEPT_MAX = 10_000;
/** An act that only a leader can carry out is asked of whoever leads so often, and so long. */
export const ACT_AGAIN_MS = 1_000;
export const ACT_TRIED_MS = 10_000;
/** Heartbeats passed on and not answered. */
export const RELAYS_MAX = 20_000;

/** Authorizations in one page of a status reply. */
export const STATUS_PAGE_MAX = 1_000;
/** How far the mark (the ledger's wall time) may lag behind the clocks. */
export const MARK_INTERVAL_MS = 60_000;

/** How soon the leader looks again whether a majority's clocks reached the next mark. */
export const MARK_RETRY_MS = 250;

/** Keys that one tick ends by their lifetime: after a restart all may end within a second. */
export const EXPIRED_PER_TICK_MAX = 10_000;
/** Journal of the key table on disk, before the table is brought up to date. */
export const JOURNAL_BYTES_MAX = 1024 * 1024;
/** Applied ledger entries after which Raft's log in memory is compacted. */
export const COMPACT_ENTRIES = 4_096;
/** Keys that were claimed or ended elsewhere, and evictions, are remembered so long. */
export const MOVED_KEPT_MS = 25 * 3_600_000;
/** Secrets of tickets that are remembered with the one of now. */
export const SECRETS_FORMER_MAX = 16;
/** Seats moved beyond a shortfall, so that the next requests need not wait. */
export const HEADROOM_SEATS = 16;
/** Moves of one license that a status shows. */
export const RECENT_MOVES_MAX = 10;
/** Licenses of which a rollout moves seats at once: grants go on meanwhile. */
export const ROLLOUT_LICENSES_MAX = 64;
/** Position notices to one line, and how often. */
export const NOTICES_MAX = 256;
export const NOTICE_INTERVAL_MS = 500;
/** Key-table entries looked at for one page of status: filters may skip many. */
export const STATUS_SCAN_MAX = 20_000;

assert(KEY_LIFETIME_MS_MAX * (1 + CLOCK_DRIFT_MAX) < MOVED_KEPT_MS, 'no key outlives its trace');
assert(KEY_LIFETIME_MS_MIN <= KEY_LIFETIME_MS_DEFAULT, 'the default key lifetime is long enough');
assert(ECHOES_MAX * ECHO_SPACING_MS > WINDOW_MS, 'no ack that can count is forgotten');
assert(HEARTBEAT_MS * 2 < LEADER_MISSING_MS, 'one lost heartbeat does not look like a lost leader');
assert(LEADER_MISSING_MS < WINDOW_MS, 'a new leader may be sought before windows close');
assert(RLF_PART_BYTES_MAX < CLIENT_FRAME_BYTES_MAX, 'a part of an RLF fits a frame');
assert(HELLO_BYTES_MAX <= CLIENT_FRAME_BYTES_MAX, 'a hello is a client frame');
assert(RLF_BYTES_MAX < SERVER_FRAME_BYTES_MAX, 'an RLF fits a frame');

/** An administrative act, and the signature over it. */
export const ACT_CHARACTERS_MAX = 4_096;
export const SIGNATURE_CHARACTERS_MAX = 128;

/** Between servers. A frame carries an RLF, as a ledger entry or an offer, and what goes along. */
export const PEER_FRAME_BYTES_MAX = 6 * 1024 * 1024;
/** A report, or what is attached to a Raft message. */
export const PEER_BODY_BYTES_MAX = 1024 * 1024;
/** One ledger entry: at most an RLF. */
export const PEER_ENTRY_BYTES_MAX = RLF_BYTES_MAX + 64 * 1024;
/** What a refusal tells the server that is refused. */
export const PEER_TEXT_CHARACTERS_MAX = 2_048;
/** What waits for a peer that reads slowly; past this messages are dropped: Raft repeats them. */
export const PEER_QUEUE_BYTES_MAX = 8 * 1024 * 1024;
/** Written at a time, so that a slow link shows that it moves at all. */
export const PEER_PIECE_BYTES = 64 * 1024;
/** From the first packet to the end of the TLS handshake; and from there to the welcome. */
export const PEER_DIAL_MS_MAX = 2_000;
export const PEER_HELLO_MS_MAX = 2_000;
/** A restarted server is found again soon; one that stays away is asked for about once a second. */
export const PEER_REDIAL_MS_MIN = 50;
export const PEER_REDIAL_MS_MAX = 1_000;
/** A link that lived this long begins anew with quick redials. */
export const PEER_STABLE_MS = 1_000;
/** Followers say nothing to each other for hours: pings tell a silent link from a dead one. */
export const PEER_PING_MS = 1_000;
/** Pings without an answer before a link is cut, and dialled anew. */
export const PEER_PINGS_UNANSWERED_MAX = 4;
/** A connection that a peer opened is cut after this many seconds without a byte. */
export const PEER_SILENT_SWEEPS_MAX = 10;
/** `gone` hastens an election: a server that comes and goes is reported at most this often. */
export const PEER_GONE_MS_MIN = 1_000;
/** The outages of a link that comes and goes are logged at most this often. */
export const OUTAGE_LOG_MS = 10_000;
/** Who was refused is logged once in this time, at most this many different ones. */
export const REFUSAL_LOG_MS = 10 * 60_000;
export const REFUSALS_LOGGED_MAX = 32;
/** Connections beyond those that clients may have, kept free for servers of the pool. */
export const CONNECTIONS_SPARE = 256;

assert(
  PEER_ENTRY_BYTES_MAX + PEER_BODY_BYTES_MAX < PEER_FRAME_BYTES_MAX,
  'an RLF and an attachment fit the frame of a peer',
);
assert(PEER_FRAME_BYTES_MAX < PEER_QUEUE_BYTES_MAX, 'any message can be queued for a peer');
assert(
  PEER_PING_MS * (PEER_PINGS_UNANSWERED_MAX + 1) < 1_000 * PEER_SILENT_SWEEPS_MAX,
  'who pings is not cut off for silence',
);
assert(PEER_REDIAL_MS_MAX < WINDOW_MS, 'a restarted server is found within a window');
