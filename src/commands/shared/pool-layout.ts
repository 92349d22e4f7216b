/**
 * Makes the directory of a new pool: admin key, RLF, card, and a data directory for each server.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { LmError } from '../../engine/errors.ts';
import type { Identity } from '../../engine/identity.ts';
import { makeCard } from '../../engine/license/card.ts';
import type { SigningKey } from '../../engine/license/keys.ts';
import { signRlfText } from '../../engine/license/rlf-text.ts';
import { flushDirectory, removeLeftover } from '../../net/client/durable-file.ts';
import { fileError } from './file-errors.ts';
import { writeText } from './files.ts';
import { makeKeyFiles } from './key-files.ts';
import { rlfTemplate } from './rlf-template.ts';
import type { NamedAddress } from './server-arguments.ts';

export interface NewPool {
  readonly pool: string;
  readonly servers: readonly NamedAddress[];
  /** The administrator's key; null for a new one. */
  readonly key: SigningKey | null;
}

/** What was made, as `pool init --json` prints it. */
export interface PoolLayout {
  readonly pool: string;
  readonly directory: string;
  readonly admin: string;
  /** Null where the administrator had a key. */
  readonly adminKey: string | null;
  readonly rlf: string;
  readonly card: string;
  readonly servers: readonly {
    readonly name: string;
    readonly address: string;
    readonly fingerprint: string;
    readonly data: string;
  }[];
}

/** All of it or nothing: built under another name, then renamed. Secrets are the owner's alone. */
export async function layOutPool(directory: string, of: NewPool): Promise<PoolLayout> {
  refuseOccupied(directory);
  process.umask(0o077);
  const target = resolve(directory);
  const building = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  try {
    mkdirSync(building, { recursive: true });
    const made = await fill(building, of);
    flushDirectory(building);
    renameSync(building, target);
    flushDirectory(dirname(target));
    return relocated(made, directory);
  } catch (error) {
    throw fileError('config', { path: directory, doing: 'made', error });
  } finally {
    removeLeftover(building);
  }
}

async function fill(directory: string, { pool, servers, key }: NewPool): Promise<PoolLayout> {
  const { createIdentity } = await import('../../net/identity.ts');
  const { prepareDataDirectory } = await import('../../engine/io/data-directory.ts');
  const signer = key ?? makeKeyFiles(join(directory, 'admin.key'));
  if (key !== null) writeText(join(directory, 'admin.key.pub'), `${key.publicKey}\n`, PUBLIC);
  const identities: { server: NamedAddress; identity: Identity }[] = [];
  for (const server of servers) {
    identities.push({ server, identity: await createIdentity(server.name) });
  }
  const listed = identities.map(({ server: { name, address }, identity: { fingerprint } }) => {
    return { name, address, fingerprint };
  });
  const template = rlfTemplate({ pool, admin: signer.publicKey, servers: listed });
  const founding = signRlfText(template, signer);
  writeText(join(directory, 'pool.toml'), founding, PUBLIC);
  const card = makeCard({ pool, servers: listed, sequence: 1, epoch: 0 }, signer);
  writeText(join(directory, `${pool}.pool`), card, PUBLIC);
  mkdirSync(join(directory, 'servers'));
  for (const { server, identity } of identities) {
    const data = join(directory, 'servers', server.name);
    await prepareDataDirectory(data, { server: server.name, pool, identity, founding });
  }
  flushDirectory(join(directory, 'servers'));
  return {
    pool,
    directory,
    admin: signer.publicKey,
    adminKey: key === null ? 'admin.key' : null,
    rlf: 'pool.toml',
    card: `${pool}.pool`,
    servers: listed.map((server) => ({ ...server, data: join('servers', server.name) })),
  };
}

function relocated(made: PoolLayout, directory: string): PoolLayout {
  const at = (path: string) => join(directory, path);
  return {
    ...made,
    directory,
    adminKey: made.adminKey === null ? null : at(made.adminKey),
    rlf: at(made.rlf),
    card: at(made.card),
    servers: made.servers.map((server) => ({ ...server, data: at(server.data) })),
  };
}

function refuseOccupied(directory: string): void {
  if (!existsSync(directory)) return;
  let occupied = true;
  try {
    occupied = readdirSync(directory).length > 0;
  } catch (error) {
    throw fileError('config', { path: directory, doing: 'used', error });
  }
  if (!occupied) return;
  const hint = 'Name a directory that does not exist yet, or an empty one, with -o.';
  throw new LmError('config', `${directory} is not empty.`, hint);
}

/** Files that others may read once they are copied out of the directory, which is the owner's. */
const PUBLIC = { mode: 0o644 };
