/** The status of a pool, as CLI.md describes it, gathered page by page. */
import {
  type AuthorizationFields,
  MessageType,
  type StatusPage,
  type StatusQuery,
} from '../protocol.ts';
import { type Connection, failureIn, unexpected } from './connection.ts';
import { STATUS_PAGES_MAX } from './limits.ts';

export interface StatusFilter {
  readonly application?: string | undefined;
  readonly user?: string | undefined;
  readonly host?: string | undefined;
}

export interface Authorization {
  readonly id: string;
  readonly vendor: string;
  readonly application: string;
  readonly version: string;
  readonly count: number;
  readonly server: string;
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly address: string;
  readonly since: string;
  readonly expiresAt: string;
  readonly state: string;
}

/** The server's own document (pool, rlf, servers, licenses, …) with the authorizations added. */
export interface StatusDocument extends Readonly<Record<string, unknown>> {
  readonly authorizations: readonly Authorization[];
}

export async function readStatus(
  connection: Connection,
  { application = null, user = null, host = null }: Nullable<StatusFilter>,
): Promise<StatusDocument> {
  const authorizations: Authorization[] = [];
  let document: Record<string, unknown> = {};
  let after: Uint8Array | null = null;
  for (let pages = 0; pages < STATUS_PAGES_MAX; pages++) {
    const query = [application ?? null, user ?? null, host ?? null, after] as const;
    const build = (sequence: number): StatusQuery => [MessageType.status, sequence, ...query];
    const { message } = await connection.call(build);
    if (message[0] !== MessageType.statusPage) {
      throw failureIn(message) ?? unexpected(connection.address);
    }
    const [, , first, page, next]: StatusPage = message;
    document = first ?? document;
    for (const fields of page) authorizations.push(authorizationOf(fields));
    if (next === null) break;
    after = next.slice();
  }
  return { ...document, authorizations };
}

type Nullable<T> = { readonly [K in keyof T]: T[K] | null };

function authorizationOf(fields: AuthorizationFields): Authorization {
  const [id, vendor, application, version, count, server, ...holder] = fields;
  const [user, host, pid, address, since, expiresAt, state] = holder;
  return {
    id: Buffer.from(id).toString('base64url'),
    ...{ vendor, application, version, count, server, user, host, pid, address },
    since: isoTime(since),
    expiresAt: isoTime(expiresAt),
    state,
  };
}

/** A time that a server sent may be beyond what a date can say. */
function isoTime(milliseconds: number): string {
  return new Date(Math.min(milliseconds, LATEST_TIME)).toISOString();
}

const LATEST_TIME = 8.64e15;
