/**
 * Checks a seat in, early, at any server. The file is disabled on disk and everybody who runs on it
 * has ended before the pool is told; whatever crashes in between, the same check-in again goes on.
 */
import { LmError } from '../../../engine/errors.ts';
import { NO_TICKET } from '../ask-pool.ts';
import { removeLeftover } from '../durable-file.ts';
import { FENCING_MS_MAX } from '../limits.ts';
import type { PoolLink } from '../link.ts';
import type { Returned } from '../releaser.ts';
import type { Scheduler } from '../scheduler.ts';
import { clockPath } from './clock.ts';
import { type CommuterFile, idOf, readCommuterFile, realFile, writeCommuterFile } from './file.ts';
import { untilNobodyRuns } from './runs.ts';
import { peekToken } from './token.ts';

export interface CheckedIn extends Returned {
  readonly id: string;
  readonly application: string;
}

export interface CheckIn {
  readonly links: readonly PoolLink[];
  readonly scheduler: Scheduler;
}

type Over = Extract<CommuterFile, { phase: 'disabled' | 'returned' }>;

/**
 * Checking in twice is no error: `released` is false then.
 *
 * @throws LmError `busy` where somebody still runs on it, `unreachable`: the file is disabled by
 * then; `config`, `bad-data`.
 */
export async function checkIn(named: string, { links, scheduler }: CheckIn): Promise<CheckedIn> {
  const path = realFile(named);
  const file = path === null ? null : readCommuterFile(path);
  if (path === null || file === null) throw lostFile(named);
  const over = disabled(file);
  if (over !== file) writeCommuterFile(path, over);
  const about = { id: idOf(over), application: over.application };
  if (over.phase === 'returned') return { ...about, released: false, count: 0 };
  await untilNobodyRuns(path, scheduler);
  const returned = await giveBack(over, links);
  writeCommuterFile(path, { ...over, phase: 'returned' });
  removeLeftover(clockPath(path));
  return { ...about, ...returned };
}

/** Without the token: nobody runs on what is not there. */
function disabled(file: CommuterFile): Over {
  const { key } = file;
  if (file.phase === 'pending') {
    const { application } = file.wish;
    return { phase: 'disabled', key, pool: null, application, index: null };
  }
  if (file.phase !== 'valid') return file;
  const { pool, application, ledger } = peekToken(file.token);
  return { phase: 'disabled', key, pool, application, index: ledger };
}

async function giveBack({ key, pool, index }: Over, links: readonly PoolLink[]): Promise<Returned> {
  const meant = links.filter(({ trust }) => pool === null || (trust.pool ?? pool) === pool);
  if (meant.length === 0) {
    const message = `The seat is of pool ${pool}, and no card of that pool is here.`;
    throw new LmError('config', message, 'Name the card with --pool or LM_POOL.');
  }
  const given = meant.map(async (link) => {
    await link.connect();
    return await link.releaser.give({ key, ticket: NO_TICKET, index }, FENCING_MS_MAX);
  });
  const all = await Promise.all(given);
  const [first] = all;
  if (first === undefined || all.includes(null)) {
    const message = 'No server took the seat back; its file is disabled.';
    throw new LmError('unreachable', message, 'Check it in again when the pool is up.');
  }
  return all.find((one) => one?.released === true) ?? first ?? { released: false, count: 0 };
}

function lostFile(named: string): LmError {
  const message = `There is no file ${named} of a commuted seat.`;
  const hint = 'A lost file ends by itself; an administrator can write it off: lm evict ID.';
  return new LmError('config', message, hint);
}
