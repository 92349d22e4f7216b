/**
 * Which pools a client may trust, and by what (DESIGN section 9): pool cards, or servers named by
 * hand with the admin key or the fingerprints that vouch for them. Without either: refused.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LmError } from '../../engine/errors.ts';
import { type Address, parseAddress } from '../../engine/license/address.ts';
import { readCard } from '../../engine/license/card.ts';
import { publicKeyProblem } from '../../engine/license/keys.ts';
import { fingerprintProblem, quoted } from '../../engine/license/names.ts';
import { CARD_BYTES_MAX } from '../../engine/limits.ts';
import { POOLS_MAX, TARGETS_MAX } from './limits.ts';

export interface Target {
  readonly address: Address;
  /** The server's name, where the card tells it. */
  readonly server: string | null;
}

export interface PoolTrust {
  /** Where this came from, for messages. */
  readonly source: string;
  readonly pool: string | null;
  /** In the order to dial. */
  readonly targets: readonly Target[];
  /** Fingerprints of trusted TLS keys. Empty: the admin key decides, or (insecure) nothing does. */
  readonly pins: readonly string[];
  readonly admin: string | null;
  /** An RLF or epoch below these is an older one than the pool has had. */
  readonly sequence: number;
  readonly epoch: number;
  readonly insecure: boolean;
}

export interface TrustOptions {
  /** Cards or folders of cards, joined by `;`. Default: LM_POOL. */
  readonly pool?: string | undefined;
  /** HOST:PORT joined by `,` for one pool, pools by `;`. Default: LM_SERVERS. */
  readonly servers?: string | undefined;
  /**
   * The admin key or fingerprints (`,`), one for all pools or one each (`;`). Default: LM_TRUST.
   */
  readonly trust?: string | undefined;
  /** The vendor's public key, to check the chain from it to the seat. Default: LM_VENDOR_KEY. */
  readonly vendorKey?: string | undefined;
  /** Talk to servers that nothing vouches for. */
  readonly insecure?: boolean | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const CARDS_FOLDER = '/etc/lm/pools';

/** The pools to try, in order. @throws LmError `config`, `bad-data`, `usage`. */
export function resolveTrust(options: TrustOptions, env: Environment): PoolTrust[] {
  const { pool, servers, insecure = false } = options;
  const trust = options.trust ?? (env['LM_TRUST'] || undefined);
  const cards = pool ?? (servers === undefined ? env['LM_POOL'] || undefined : undefined);
  const addresses = servers ?? (env['LM_SERVERS'] || undefined);
  if (cards !== undefined) return bounded(split(cards, ';').flatMap(cardsAt));
  if (addresses !== undefined) return bounded(fromAddresses(addresses, trust, insecure));
  const found = cardsIn(CARDS_FOLDER);
  if (found.length > 0) return bounded(found);
  throw new LmError(
    'config',
    `No pool is named, and there is no card in ${CARDS_FOLDER}.`,
    'Name the pool card with --pool or LM_POOL, or servers with LM_SERVERS and LM_TRUST.',
  );
}

/** The vendor's public key that the chain is to begin with, or null. */
export function resolveVendorKey(options: TrustOptions, env: Environment): string | null {
  const key = options.vendorKey ?? (env['LM_VENDOR_KEY'] || undefined);
  if (key === undefined) return null;
  const problem = publicKeyProblem(key);
  if (problem === null) return key;
  throw new LmError('config', `The vendor key ${quoted(key)} ${problem}.`, KEY_HINT);
}

const KEY_HINT = 'Give the line that `lm keys new` wrote to FILE.pub.';

function cardsAt(path: string): PoolTrust[] {
  let folder: boolean;
  try {
    folder = statSync(path).isDirectory();
  } catch (error) {
    throw unreadable(path, error);
  }
  if (!folder) return [fromCard(path)];
  const found = cardsIn(path);
  if (found.length > 0) return found;
  const hint = 'Put the pool card there; its name ends in .pool.';
  throw new LmError('config', `There is no pool card in ${path}.`, hint);
}

function cardsIn(folder: string): PoolTrust[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw unreadable(folder, error);
  }
  const cards = names.filter((name) => name.endsWith('.pool')).sort();
  return cards.slice(0, POOLS_MAX).map((name) => fromCard(join(folder, name)));
}

function fromCard(path: string): PoolTrust {
  const card = readCardFile(path);
  return {
    source: path,
    pool: card.pool,
    targets: card.servers.map(({ name, address }) => ({
      server: name,
      address: parseAddress(address),
    })),
    pins: card.servers.map(({ fingerprint }) => fingerprint),
    admin: card.admin,
    sequence: card.sequence,
    epoch: card.epoch,
    insecure: false,
  };
}

function readCardFile(path: string): ReturnType<typeof readCard> {
  let text: string;
  try {
    text = statSync(path).size > CARD_BYTES_MAX ? TOO_LONG : readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    return readCard(text);
  } catch (error) {
    if (!(error instanceof LmError)) throw error;
    throw new LmError(error.code, `${path}: ${error.message}`, error.hint, error.details);
  }
}

/** Stands for a file that is not worth reading: what reads cards says why. */
const TOO_LONG = ' '.repeat(CARD_BYTES_MAX + 1);

function unreadable(path: string, error: unknown): LmError {
  const reason = error instanceof Error ? error.message : String(error);
  const hint = 'Name the pool card with --pool or LM_POOL.';
  return new LmError('config', `${quoted(path)} can't be read as a pool card: ${reason}.`, hint);
}

function fromAddresses(text: string, trust: string | undefined, insecure: boolean): PoolTrust[] {
  const pools = split(text, ';');
  const anchors = trust === undefined ? [] : split(trust, ';');
  if (anchors.length === 0 && !insecure) {
    throw new LmError(
      'config',
      'Nothing vouches for the servers named by hand.',
      'Set LM_TRUST or --trust to the admin key (ed25519:…) or to fingerprints (sha256:…).',
    );
  }
  if (anchors.length > 1 && anchors.length !== pools.length) {
    const message = `There are ${pools.length} pools, and trust for ${anchors.length}.`;
    throw new LmError('config', message, 'Give one anchor for all pools, or one each, in order.');
  }
  return pools.map((servers, index) => ({
    source: servers,
    pool: null,
    targets: split(servers, ',').map((address) => ({
      server: null,
      address: parseAddress(address),
    })),
    ...anchorOf(anchors[anchors.length === 1 ? 0 : index]),
    sequence: 0,
    epoch: 0,
  }));
}

function anchorOf(text: string | undefined): Pick<PoolTrust, 'pins' | 'admin' | 'insecure'> {
  if (text === undefined) return { pins: [], admin: null, insecure: true };
  if (publicKeyProblem(text) === null) return { pins: [], admin: text, insecure: false };
  const pins = split(text, ',');
  const wrong = pins.find((pin) => fingerprintProblem(pin) !== null);
  if (wrong === undefined) return { pins, admin: null, insecure: false };
  const message = `${quoted(wrong)} is neither an admin key nor a fingerprint.`;
  throw new LmError(
    'config',
    message,
    'Give the admin key (ed25519:…) or fingerprints (sha256:…).',
  );
}

function split(text: string, by: string): string[] {
  return text
    .split(by)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function bounded(pools: PoolTrust[]): PoolTrust[] {
  const targets = Math.max(0, ...pools.map((pool) => pool.targets.length));
  if (pools.length > 0 && pools.length <= POOLS_MAX && targets <= TARGETS_MAX) return pools;
  throw new LmError(
    'config',
    pools.length === 0
      ? 'No pool is named.'
      : 'More pools or servers are named than one client dials.',
    `Name 1 to ${POOLS_MAX} pools, of up to ${TARGETS_MAX} servers each.`,
  );
}
