/** The pool card: what a client has to know to trust a pool, signed by its administrator. */
import { CARD_BYTES_MAX, SERVERS_MAX } from '../limits.ts';
import { badData, Fields } from './fields.ts';
import { publicKeyProblem, type SigningKey } from './keys.ts';
import { nameProblem } from './names.ts';
import { refuseTwins, serverOf } from './server-list.ts';
import { signatureProblem, signDocument, verifiesDocument } from './signed-document.ts';
import type { RlfServer } from './types.ts';

export interface Card {
  readonly pool: string;
  readonly servers: readonly RlfServer[];
  /** The admin key, `ed25519:…`, that signed it and signs the RLFs of the pool. */
  readonly admin: string;
  /** An RLF below this sequence, or a pool below this epoch, is an older one. */
  readonly sequence: number;
  readonly epoch: number;
}

/** Reads a card and verifies its signature. Throws `bad-data`. */
export function readCard(text: string): Card {
  const fields = new Fields(parseJson(text), 'The pool card');
  const card: Card = {
    pool: fields.text('pool', nameProblem),
    servers: fields.tables('servers', SERVERS_MAX).map(serverOf),
    admin: fields.text('admin', publicKeyProblem),
    sequence: fields.integer('sequence', { min: 1, max: Number.MAX_SAFE_INTEGER }),
    epoch: fields.integer('epoch', { min: 0, max: Number.MAX_SAFE_INTEGER }),
  };
  const signature = fields.text('signature', signatureProblem);
  fields.end();
  if (card.servers.length === 0) throw badData('The pool card names no server.', FRESH);
  refuseTwins(card.servers);
  if (verifiesDocument('lm-card-v1', card, { publicKey: card.admin, signature })) return card;
  throw badData('The signature of the pool card is wrong: it has been changed.', FRESH);
}

/** The text of a card, signed. `key` is the admin key of the pool. */
export function makeCard(card: Omit<Card, 'admin'>, key: SigningKey): string {
  const { pool, servers, sequence, epoch } = card;
  const signed: Card = {
    pool,
    servers: servers.map(({ name, address, fingerprint }) => ({ name, address, fingerprint })),
    admin: key.publicKey,
    sequence,
    epoch,
  };
  const signature = signDocument('lm-card-v1', signed, key);
  return `${JSON.stringify({ ...signed, signature }, null, 2)}\n`;
}

const FRESH = 'Get the card anew from whoever runs the pool (`lm pool card`).';

function parseJson(text: string): unknown {
  if (Buffer.byteLength(text) > CARD_BYTES_MAX) {
    throw badData('The pool card is larger than a card can be.', FRESH);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw badData('The pool card is not JSON.', FRESH);
  }
}
