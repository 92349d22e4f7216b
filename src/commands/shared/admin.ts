/** Administrative acts from the command line: signed here, for one server, for a short time. */
import { randomBytes } from 'node:crypto';
import { type ErrorDetails, LmError } from '../../engine/errors.ts';
import { type AdminAct, adminText } from '../../engine/license/admin-act.ts';
import { signDocument } from '../../engine/license/signed-document.ts';
import type { LicenseClient } from '../../net/client/license-client.ts';
import { readSigningKey } from './key-files.ts';
import { Flags } from './oclif.ts';

const VALID_MS = 60_000;
const NONCE_BYTES = 16;

export const adminFlags = {
  'admin-key': Flags.string({
    description: "The pool's admin key, which signs the act; - reads standard input.",
    env: 'LM_ADMIN_KEY',
    helpValue: 'FILE',
  }),
};

/** Signs acts and has the pool carry them out, each of them at the server asked last. */
export class Administrator {
  readonly #client: LicenseClient;
  readonly #key: Awaited<ReturnType<typeof readSigningKey>>;

  private constructor(client: LicenseClient, key: Awaited<ReturnType<typeof readSigningKey>>) {
    this.#client = client;
    this.#key = key;
  }

  /** @throws LmError `config` where no admin key is named, or it can't be read. */
  static async open(client: LicenseClient, keyFile: string | undefined): Promise<Administrator> {
    if (keyFile === undefined) {
      const hint = 'Name it with --admin-key or LM_ADMIN_KEY; lm pool init made it.';
      throw new LmError('config', 'This needs the admin key of the pool.', hint);
    }
    return new Administrator(client, await readSigningKey(keyFile));
  }

  /**
   * Has it carried out by the server of that name, or by the one that is connected. The pool's
   * details. @throws LmError `not-authorized` for another's key; what it answers.
   */
  async carryOut(act: AdminAct, server?: string): Promise<ErrorDetails> {
    const now = await this.#client.serverNow(server);
    const document = {
      ...act,
      ...now,
      nonce: randomBytes(NONCE_BYTES).toString('base64url'),
      expires: Date.now() + VALID_MS,
    };
    const signature = signDocument('lm-admin-v1', document, this.#key);
    return await this.#client.act(now.server, { document: adminText(document), signature });
  }
}
