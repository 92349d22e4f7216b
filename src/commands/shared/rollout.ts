/**
 * Pushes an RLF and follows it through the pool, until a majority and every other server that is up
 * have it in force.
 */
import { LmError } from '../../engine/errors.ts';
import type { Rlf } from '../../engine/license/types.ts';
import type { LicenseClient } from '../../net/client/license-client.ts';
import { fieldsOf, listOf, text } from './document-fields.ts';
import { pause } from './redraw.ts';
import { poolStatus } from './rlf-outlook.ts';

/** How the servers stand: a server that is down gets the RLF when it is back. */
export interface ServerProgress {
  readonly name: string;
  readonly state: string;
  readonly rlfSequence: number | null;
}

export interface RolledOut {
  /** It was in force everywhere before it was pushed. */
  readonly already: boolean;
  readonly servers: readonly ServerProgress[];
}

export interface RolloutOptions {
  readonly waitMs: number;
  /** Also when no server can be reached at first. */
  readonly isPatient: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (words: string) => void;
}

const LOOK_MS = 200;
/** The server that took it may have died with it: it is pushed again, which does no harm. */
const PUSH_AGAIN_MS = 10_000;

/** @throws LmError why it is refused; `timeout`; or the signal's reason. */
export async function rollOut(
  client: LicenseClient,
  rlf: Rlf,
  { waitMs, isPatient, signal, onProgress }: RolloutOptions,
): Promise<RolledOut> {
  const end = performance.now() + waitMs;
  let servers: readonly ServerProgress[] = [];
  let pushedAt = Number.NEGATIVE_INFINITY;
  let isTaken = isPatient;
  let already: boolean | null = null;
  let obstacle: LmError | null = null;
  while (!signal.aborted) {
    try {
      if (performance.now() >= pushedAt + PUSH_AGAIN_MS || !isTaken) {
        pushedAt = performance.now();
        const { inForce } = await client.push(rlf.text);
        isTaken = true;
        already ??= inForce;
      }
      const seen = await serversOf(client);
      servers = seen.servers;
      obstacle = null;
      onProgress(progressWords(servers, rlf.sequence));
      const isThere = having(servers, rlf.sequence).length >= seen.needed;
      const isBehind = missing(servers, rlf.sequence).length > 0 || !isThere;
      if (isBehind) already = false;
      else if (seen.hasLeader) return { already: already === true, servers };
    } catch (error) {
      if (!(error instanceof LmError && PASSING.has(error.code) && isTaken)) throw error;
      obstacle = error;
      onProgress(error.message);
    }
    if (performance.now() >= end) throw tooLate(rlf, { servers, obstacle, waitMs });
    await pause(LOOK_MS, signal);
  }
  throw signal.reason;
}

const PASSING: ReadonlySet<string> = new Set(['unreachable', 'no-majority', 'busy']);

async function serversOf(client: LicenseClient) {
  // No license is called nothing: only the servers are asked for.
  const status = await poolStatus(client, { application: '' });
  const servers = listOf(status['servers']).map(({ name, state, rlfSequence }) => ({
    name: text(name),
    state: text(state),
    rlfSequence: typeof rlfSequence === 'number' ? rlfSequence : null,
  }));
  const { needed } = fieldsOf(status['majorityRule']);
  return {
    servers,
    hasLeader: status['partial'] !== true,
    /** Servers of a majority. Right after a restart of the pool nobody counts as up. */
    needed: typeof needed === 'number' ? needed : 1,
  };
}

function having(servers: readonly ServerProgress[], sequence: number): ServerProgress[] {
  return servers.filter(({ rlfSequence }) => (rlfSequence ?? 0) >= sequence);
}

/** Those that are up and do not have it in force. */
function missing(servers: readonly ServerProgress[], sequence: number): ServerProgress[] {
  return servers.filter(({ state, rlfSequence }) => {
    return state === 'up' && (rlfSequence ?? 0) < sequence;
  });
}

function progressWords(servers: readonly ServerProgress[], sequence: number): string {
  const has = having(servers, sequence);
  const waits = missing(servers, sequence).map(({ name }) => name);
  const away = awayOf(servers, sequence);
  return [
    `RLF ${sequence} is in force on ${has.length} of ${servers.length} servers`,
    waits.length === 0 ? '' : `; waiting for ${waits.join(', ')}`,
    away.length === 0 ? '' : `; not up: ${away.join(', ')}`,
  ].join('');
}

/** Those that are not up, and get it when they are back. */
export function awayOf(servers: readonly ServerProgress[], sequence: number): string[] {
  return servers
    .filter(({ state, rlfSequence }) => state !== 'up' && (rlfSequence ?? 0) < sequence)
    .map(({ name }) => name);
}

function tooLate(
  { sequence }: Rlf,
  of: { servers: readonly ServerProgress[]; obstacle: LmError | null; waitMs: number },
): LmError {
  const { servers, obstacle, waitMs } = of;
  const names = missing(servers, sequence).map(({ name }) => name);
  const where = names.length === 0 ? 'the whole pool' : names.join(', ');
  const why = obstacle === null ? '' : ` ${obstacle.message}`;
  return new LmError(
    'timeout',
    `RLF ${sequence} is not in force on ${where} after ${waitMs / 1_000} s.${why}`,
    'Run the command again: it goes on from there.',
    { sequence, servers, reason: obstacle?.code ?? null },
  );
}
