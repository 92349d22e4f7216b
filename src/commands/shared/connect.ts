/** How every client command finds and trusts its pool (CLI.md "Connecting"). */

import pjson from '../../../package.json' with { type: 'json' };
import type { ClientOptions, LicenseClient } from '../../net/client/license-client.ts';
import { publicKeyFlag } from './key-files.ts';
import { Flags } from './oclif.ts';

export const connectFlags = {
  pool: Flags.string({
    description:
      'Pool cards, or folders of cards, joined by ";". Default: LM_POOL, or every card in ' +
      '/etc/lm/pools.',
    helpValue: 'CARD',
  }),
  servers: Flags.string({
    description:
      'Servers instead of a card: HOST:PORT joined by ",", pools joined by ";". ' +
      'Default: LM_SERVERS.',
    helpValue: 'HOST:PORT',
    exclusive: ['pool'],
  }),
  trust: Flags.string({
    description:
      'What vouches for --servers: the admin key (ed25519:…) or fingerprints (sha256:…). ' +
      'Default: LM_TRUST.',
    helpValue: 'KEY',
  }),
  'vendor-key': publicKeyFlag({
    description: "The vendor's public key: check the chain from it to the seat.",
    env: 'LM_VENDOR_KEY',
  }),
  insecure: Flags.boolean({ description: 'Talk to servers that nothing vouches for.' }),
};

export interface ConnectFlags {
  readonly pool: string | undefined;
  readonly servers: string | undefined;
  readonly trust: string | undefined;
  readonly 'vendor-key': string | undefined;
  readonly insecure: boolean;
}

export async function openClient(
  flags: ConnectFlags,
  more: Pick<ClientOptions, 'instance'> = {},
): Promise<LicenseClient> {
  const { LicenseClient } = await import('../../net/client/license-client.ts');
  const { pool, servers, trust, 'vendor-key': vendorKey, insecure } = flags;
  const agent = `lm/${pjson.version}`;
  return new LicenseClient({ pool, servers, trust, vendorKey, insecure, agent, ...more });
}
