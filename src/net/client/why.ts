/**
 * Why seats can or can't be had now: the verdict of the leader, who knows most, else of the server
 * that is connected; and who holds the seats.
 */
import { LmError } from '../../engine/errors.ts';
import { MessageType, type Probe } from '../protocol.ts';
import { failureIn, unexpected } from './connection.ts';
import { STATUS_OPEN_MS_MAX } from './limits.ts';
import type { PoolLink } from './link.ts';
import { statusOf } from './pool-status.ts';
import type { Opened } from './race.ts';
import type { RequestOptions } from './request-options.ts';
import type { Authorization, StatusDocument } from './status.ts';
import type { Wish } from './waiter.ts';

export interface WhyOptions
  extends Pick<RequestOptions, 'application' | 'vendor' | 'version' | 'count'> {
  /** A check-out for so many days is meant. */
  readonly days?: number | undefined;
}

/** What is asked for, and for how many days without the network. */
export type Question = Wish & { readonly days: number | null };

export interface Verdict {
  /** `granted`, or the code of the denial. */
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** `rule` names what decides; the numbers, and the servers that are lost. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface WhyDocument {
  readonly pool: unknown;
  readonly application: string;
  readonly verdict: Verdict;
  /** The server that gave the verdict. */
  readonly server: string;
  readonly leader: unknown;
  /** As the status shows the license that the verdict is about; null where it is about none. */
  readonly license: Readonly<Record<string, unknown>> | null;
  readonly servers: unknown;
  /** Who holds seats of the application, in all its versions, the oldest first. */
  readonly holders: readonly Authorization[];
  /** The leader could not be asked: this is what other servers know. */
  readonly partial: boolean;
  /** Servers that could not be asked who holds seats there. */
  readonly unreached: unknown;
}

/** @throws LmError `unreachable` and its like. */
export async function whyOf(link: PoolLink, wish: Question): Promise<WhyDocument> {
  const { application } = wish;
  const status = await statusOf(link, { application, pool: true });
  const { server, vendor, verdict } = await verdictOf(link, wish, status['leader']);
  const { pool, leader = null, servers, unreached, authorizations } = status;
  const holders = authorizations.filter((one) => vendor === null || one.vendor === vendor);
  const license = licenseIn(status, verdict);
  const found = { pool, application, verdict, server, leader, license, servers, holders };
  return { ...found, partial: status['partial'] === true, unreached };
}

interface Said {
  readonly server: string;
  /** Whose license was asked for; null where that was left open. */
  readonly vendor: string | null;
  readonly verdict: Verdict;
}

async function verdictOf(link: PoolLink, wish: Question, leader: unknown): Promise<Said> {
  const target = typeof leader === 'string' ? link.servers.named(leader) : null;
  if (target !== null) {
    try {
      return await link.at(target, (opened) => probe(opened, wish), STATUS_OPEN_MS_MAX);
    } catch (error) {
      if (!(error instanceof LmError) || error.code !== 'unreachable') throw error;
    }
  }
  return await probe(await link.opened(), wish);
}

async function probe({ connection, vendor: ofKey }: Opened, wish: Question): Promise<Said> {
  const { application, version, count, days } = wish;
  const vendor = wish.vendor ?? ofKey;
  const build = (sequence: number): Probe => {
    const asked = [MessageType.probe, sequence, vendor, application, version, count] as const;
    return days === null ? [...asked] : [...asked, days];
  };
  const { message: reply } = await connection.call(build);
  if (reply[0] !== MessageType.verdict) throw failureIn(reply) ?? unexpected(connection.address);
  const [, , code, message, hint, details] = reply;
  // One that ignores the days says what a request would be told, which was not the question.
  if (days !== null && details['days'] !== days) throw tooOld(connection.server);
  return { server: connection.server, vendor, verdict: { code, message, hint, details } };
}

function tooOld(server: string): LmError {
  const message = `Server ${server} runs a version of lm that can't tell of check-outs.`;
  return new LmError('protocol', message, 'Ask without --days, or upgrade the server.');
}

function licenseIn(status: StatusDocument, { details }: Verdict): WhyDocument['license'] {
  const licenses = status['licenses'];
  if (!Array.isArray(licenses)) return null;
  const keys = ['vendor', 'application', 'version'];
  const isMeant = (one: unknown): one is Readonly<Record<string, unknown>> => {
    if (typeof one !== 'object' || one === null) return false;
    return keys.every((key) => Reflect.get(one, key) === (details[key] ?? null));
  };
  return licenses.find(isMeant) ?? null;
}
