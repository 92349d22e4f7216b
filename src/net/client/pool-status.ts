/**
 * The status of a whole pool: the document of its leader, who alone knows every row, with the
 * authorizations of all servers, each of which knows only its own.
 */
import { LmError } from '../../engine/errors.ts';
import { RETRIES_MAX, STATUS_OPEN_MS_MAX } from './limits.ts';
import type { PoolLink } from './link.ts';
import type { Opened } from './race.ts';
import { addressOf } from './server-list.ts';
import {
  type Authorization,
  readStatus,
  type StatusDocument,
  type StatusFilter,
} from './status.ts';
import type { Target } from './trust.ts';

export interface StatusOptions extends StatusFilter {
  /** Ask for the view of the whole pool, and not only for that of one server. Default false. */
  readonly pool?: boolean | undefined;
}

interface View {
  readonly server: string;
  readonly document: StatusDocument;
}

/** @throws LmError `unreachable` and its like. */
export async function statusOf(link: PoolLink, options: StatusOptions): Promise<StatusDocument> {
  const own = await ownView(link, options);
  return options.pool === true ? await poolView(link, own, options) : own.document;
}

/** What the server says that is connected; a server that is lost meanwhile costs one more try. */
async function ownView(link: PoolLink, filter: StatusFilter): Promise<View> {
  for (let losses = 0; ; ) {
    const opened = await link.opened();
    try {
      return await viewOf(opened, filter);
    } catch (error) {
      const { closed, address } = opened.connection;
      const lost = error instanceof LmError && error.code === 'unreachable' && closed;
      if (!lost || ++losses >= RETRIES_MAX) throw error;
      link.servers.prefer(link.servers.after(address) ?? address);
    }
  }
}

async function poolView(link: PoolLink, own: View, filter: StatusFilter): Promise<StatusDocument> {
  const others = link.servers.targets.filter(({ server }) => server !== own.server);
  const asked = others.map(async (target) => {
    try {
      return await link.at(target, (opened) => viewOf(opened, filter), STATUS_OPEN_MS_MAX);
    } catch (error) {
      if (error instanceof LmError) return nameOf(target);
      throw error;
    }
  });
  const answers = await Promise.all(asked);
  const views = [own, ...answers.filter((answer) => typeof answer !== 'string')];
  const leader = leaderIn(views);
  return {
    ...(leader ?? own).document,
    ...(leader === null ? { partial: true } : {}),
    unreached: answers.filter((answer) => typeof answer === 'string').sort(),
    authorizations: merged(views),
  };
}

/** Who says that it leads; of several, as while leadership changes, by the newest term. */
function leaderIn(views: readonly View[]): View | null {
  const leading = views.filter(({ server, document }) => document['leader'] === server);
  const number = ({ document }: View, field: 'epoch' | 'term') => Number(document[field] ?? 1);
  const [newest] = leading.sort((a, b) => {
    return number(b, 'epoch') - number(a, 'epoch') || number(b, 'term') - number(a, 'term');
  });
  return newest ?? null;
}

function merged(views: readonly View[]): Authorization[] {
  const all = new Map<string, Authorization>();
  for (const { document } of views) {
    // A server may be listed under two addresses.
    for (const one of document.authorizations) all.set(`${one.id} ${one.server}`, one);
  }
  const place = ({ since, id, server }: Authorization) => `${since} ${id} ${server}`;
  return [...all.values()].sort((a, b) => (place(a) < place(b) ? -1 : 1));
}

async function viewOf({ connection }: Opened, filter: StatusFilter): Promise<View> {
  return { server: connection.server, document: await readStatus(connection, filter) };
}

function nameOf(target: Target): string {
  return target.server ?? addressOf(target);
}
