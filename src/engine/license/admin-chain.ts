/**
 * Handing a pool over to a new admin key. Each `[[admin-chain]]` table of an RLF is one handover,
 * oldest first: `old` signs, over `lm-admin-chain-v1`, that `new` follows it. The last `new` is the
 * admin of the pool; the keys before it are its ancestors, whose license codes and cards go on.
 */
import { badData, type Fields } from './fields.ts';
import { publicKeyProblem, type SigningKey } from './keys.ts';
import { signatureProblem, signDocument, verifiesDocument } from './signed-document.ts';

export interface Handover {
  readonly old: string;
  readonly new: string;
  readonly signature: string;
}

/** The old key's word that the new one follows it. It is not bound to a pool: neither are keys. */
export function makeHandover(old: SigningKey, successor: string): Handover {
  const signed = { old: old.publicKey, new: successor };
  return { ...signed, signature: signDocument(DOMAIN, signed, old) };
}

/** Verifies the chain up to `admin`. Returns its ancestors, newest first. Throws `bad-data`. */
export function readAdminChain(tables: readonly Fields[], admin: string): string[] {
  const keys: string[] = [];
  for (const [i, table] of tables.entries()) {
    const { old, new: successor, signature } = handoverOf(table);
    if (i > 0 && keys.at(-1) !== old) {
      throw badData(`${table.where} does not go on where the table before it ends.`, HINT);
    }
    if (i === 0) keys.push(old);
    if (keys.includes(successor)) throw badData(`${table.where} goes back to an old key.`, HINT);
    keys.push(successor);
    if (!verifiesDocument(DOMAIN, { old, new: successor }, { publicKey: old, signature })) {
      throw badData(`The signature of ${table.where} is wrong.`, HINT);
    }
  }
  if (keys.length > 0 && keys.pop() !== admin) {
    throw badData('The chain of admin keys does not end at the admin of the pool.', HINT);
  }
  return keys.reverse();
}

function handoverOf(table: Fields): Handover {
  const handover = {
    old: table.text('old', publicKeyProblem),
    new: table.text('new', publicKeyProblem),
    signature: table.text('signature', signatureProblem),
  };
  table.end();
  return handover;
}

const DOMAIN = 'lm-admin-chain-v1';
const HINT = 'Restore the [[admin-chain]] tables from an RLF that verifies.';
