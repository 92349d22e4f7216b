/** What an RLF would do to the pool that is connected: for `lm rlf diff NEW` and a dry run. */
import { LmError } from '../../engine/errors.ts';
import {
  type LicensePlan,
  type LiveLicense,
  planChange,
} from '../../engine/license/change-plan.ts';
import { type Change, describeDifference } from '../../engine/license/difference.ts';
import { licenseKey } from '../../engine/license/distribution.ts';
import { seatWords } from '../../engine/license/license-document.ts';
import { type RlfDraft, readRlf } from '../../engine/license/rlf.ts';
import type { LicenseClient } from '../../net/client/license-client.ts';
import type { Authorization, StatusDocument, StatusFilter } from '../../net/client/status.ts';
import { type Fields, listOf, text } from './document-fields.ts';
import { printable } from './printable.ts';

export interface Outlook {
  /** What is in force means the same. */
  readonly same: boolean;
  readonly inForce: { readonly sequence: number; readonly digest: string };
  readonly changes: readonly Change[];
  readonly licenses: readonly (LicensePlan & { readonly holders: readonly Holder[] })[];
  /** Why the pool would not take it; null where it would. */
  readonly refused: LmError | null;
}

/** Somebody who holds seats of a license that has more in use than its new limit. */
type Holder = Pick<Authorization, 'id' | 'user' | 'host' | 'pid' | 'server' | 'count'>;

/** @throws LmError where the pool can't be asked; not for an RLF that it would refuse. */
export async function outlookOf(client: LicenseClient, draft: RlfDraft): Promise<Outlook> {
  const { rlf, signatureError } = draft;
  const before = readRlf(await client.rlfText());
  const status = await poolStatus(client);
  const plans = planChange({ before, after: rlf }, listOf(status['licenses']).map(liveLicense));
  const { sequence, digest } = before;
  return {
    same: digest === rlf.digest,
    inForce: { sequence, digest },
    changes: describeDifference(before, rlf),
    licenses: plans.map((plan) => ({ ...plan, holders: holdersOf(plan, status) })),
    refused: signatureError ?? (await refusal(client, rlf.text)),
  };
}

/** @throws LmError where no server answers. */
export async function poolStatus(
  client: LicenseClient,
  filter: StatusFilter = {},
): Promise<StatusDocument> {
  const [status] = await client.status({ ...filter, pool: true });
  if (status !== undefined && !(status instanceof LmError)) return status;
  throw status ?? new LmError('config', 'No pool is named.', 'Name one with --pool or LM_POOL.');
}

/** Lines for people, most important last. */
export function outlookWords({ changes, licenses, refused }: Outlook): string[] {
  const lines = changes.map(({ words }) => printable(words));
  for (const plan of licenses) lines.push(...planWords(plan));
  if (changes.length === 0) lines.push('No difference.');
  if (refused !== null) lines.push(`It would be refused: ${printable(refused.message)}`);
  return lines;
}

export function outlookDocument({ refused, ...outlook }: Outlook): Record<string, unknown> {
  if (refused === null) return { ...outlook, refused };
  const { code, message, hint, details } = refused;
  return { ...outlook, refused: { code, message, hint, ...details } };
}

function planWords(plan: Outlook['licenses'][number]): string[] {
  const { vendor, application, version, moves, over, holders, hardLimit } = plan;
  const name = printable(`${vendor} ${application} ${version}`);
  const lines = moves.map(({ server, before, after, atOnce, waits }) => {
    const gives = `: ${atOnce} free now, ${waits} in use and moved when they come back`;
    const how = after > before ? ', as seats are free' : gives;
    return `  ${name}: ${printable(server)} has ${before} and is to have ${after}${how}`;
  });
  if (over === 0) return lines;
  const limit = `the new limit of ${hardLimit.after}`;
  lines.push(`  ${name}: ${over} more in use than ${limit}; no new seat before they come back:`);
  for (const { user, host, pid, server, count, id } of holders) {
    const who = printable(`${user}@${host}`);
    lines.push(`    ${seatWords(count)}: ${who}, process ${pid}, at ${printable(server)} (${id})`);
  }
  return lines;
}

async function refusal(client: LicenseClient, rlf: string): Promise<LmError | null> {
  try {
    await client.push(rlf, true);
    return null;
  } catch (error) {
    if (error instanceof LmError && error.code !== 'unreachable') return error;
    throw error;
  }
}

function holdersOf(plan: LicensePlan, { authorizations }: StatusDocument): Holder[] {
  if (plan.over === 0) return [];
  const key = licenseKey(plan);
  return authorizations
    .filter((one) => licenseKey(one) === key)
    .map(({ id, user, host, pid, server, count }) => ({ id, user, host, pid, server, count }));
}

function liveLicense(license: Fields): LiveLicense {
  const rows = listOf(license['distribution']).map((row) => {
    const inUse = row['inUse'];
    return {
      server: text(row['server']),
      allocated: Number(row['allocated']),
      inUse: typeof inUse === 'number' ? inUse : null,
    };
  });
  const [vendor, application, version] = ['vendor', 'application', 'version'].map((name) =>
    String(license[name]),
  );
  const named = { vendor: vendor ?? '', application: application ?? '', version: version ?? '' };
  return { ...named, freePool: Number(license['freePool']), rows };
}
