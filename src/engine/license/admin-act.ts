/**
 * Administrative acts (DESIGN section 9): signed by the pool's admin key over the domain
 * `lm-admin-v1`, for one server of one pool, once, and for a short time.
 */
import { LmError } from '../errors.ts';
import { ACT_MS_MAX, ACTS_KEPT_MAX } from '../limits.ts';
import { canonicalText, verifiesDocument } from './signed-document.ts';
import type { Rlf } from './types.ts';

export type AdminAct =
  /** Ends an authorization: base64url of its id. `force` frees a commuted seat before its end. */
  | { readonly act: 'evict'; readonly id: string; readonly force?: true }
  /** Hands leadership to the server of this name. */
  | { readonly act: 'transfer'; readonly to: string }
  /** Signs tickets by a new secret from then on. */
  | { readonly act: 'rotate-secret' }
  /** Raises the format of the pool to the highest that all servers understand. */
  | { readonly act: 'upgrade' };

export type AdminDocument = AdminAct & {
  readonly pool: string;
  readonly epoch: number;
  /** The name of the server that it is sent to. */
  readonly server: string;
  /** 16 random bytes, base64url. */
  readonly nonce: string;
  /** Wall time, milliseconds since 1970. */
  readonly expires: number;
};

interface Addressee {
  readonly rlf: Rlf;
  readonly epoch: number;
  /** This server's name. */
  readonly server: string;
  /** Wall time here. */
  readonly now: number;
}

/** Reads acts, each of them once. */
export class AdminActs {
  /** Nonces of acts that are not over, with their end. */
  readonly #nonces = new Map<string, number>();

  /** @throws LmError `bad-data`; `not-authorized` where it is not the admin's, or not for now. */
  read(text: string, signature: string, to: Addressee): AdminDocument {
    const document = documentIn(text);
    if (!verifiesDocument('lm-admin-v1', document, { publicKey: to.rlf.admin, signature })) {
      throw refused('is not signed by the admin key of this pool', 'Name the right key.');
    }
    const { pool, epoch, server, nonce, expires } = document;
    if (pool !== to.rlf.pool || epoch !== to.epoch || server !== to.server) {
      throw refused('was made for another server or pool', 'Run the command again.');
    }
    if (expires <= to.now || expires > to.now + ACT_MS_MAX) {
      throw refused('has expired, or the clocks of the two machines differ', 'Compare the clocks.');
    }
    for (const [known, end] of this.#nonces) if (end <= to.now) this.#nonces.delete(known);
    if (this.#nonces.has(nonce) || this.#nonces.size >= ACTS_KEPT_MAX) {
      throw refused('was carried out already', 'Run the command again.');
    }
    this.#nonces.set(nonce, expires);
    return document;
  }
}

/** The text to sign and to send. */
export function adminText(document: AdminDocument): string {
  return canonicalText(document);
}

function documentIn(text: string): AdminDocument {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw malformed();
  }
  if (typeof document !== 'object' || document === null) throw malformed();
  const { act, id, to, force, ...about } = document as Record<string, unknown>;
  const { pool, epoch, server, nonce, expires } = about;
  const argument = act === 'evict' ? id : to;
  const isBare = act === 'rotate-secret' || act === 'upgrade';
  const texts = [pool, server, nonce, ...(isBare ? [] : [argument])];
  const isWhole =
    (isBare || act === 'evict' || act === 'transfer') &&
    (force === undefined || (force === true && act === 'evict')) &&
    texts.every((value) => typeof value === 'string') &&
    Number.isSafeInteger(epoch) &&
    Number.isSafeInteger(expires);
  if (!isWhole) throw malformed();
  return document as AdminDocument;
}

function malformed(): LmError {
  return new LmError('bad-data', 'The administrative act is malformed.', 'Use this version of lm.');
}

function refused(why: string, hint: string): LmError {
  return new LmError('not-authorized', `The administrative act ${why}.`, hint);
}
