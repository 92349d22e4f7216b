/** The text of an RLF without licenses, with the comments that a person who edits it needs. */
import { tomlText } from '../../engine/license/toml.ts';
import type { RlfServer } from '../../engine/license/types.ts';

export interface RlfStart {
  readonly pool: string;
  readonly admin: string;
  /** In leader-priority order. */
  readonly servers: readonly RlfServer[];
}

export function rlfTemplate({ pool, admin, servers }: RlfStart): string {
  return `# The redundant license file (RLF) of a pool of license servers.
# Keep it in version control. After a change: lm rlf sign FILE --bump

# Servers take a higher sequence only; each change of this file needs one.
sequence = 1

[pool]
name = ${tomlText(pool)}
admin = ${tomlText(admin)}

# The order of the servers is the leader priority list.
${servers.map(serverTable).join('\n')}
# Vendors and licenses: lm rlf add LICFILE --distribution A=40,B=30
`;
}

export function serverTable({ name, address, fingerprint }: RlfServer): string {
  const fields = Object.entries({ name, address, fingerprint });
  return `[[server]]\n${fields.map(([key, value]) => `${key} = ${tomlText(value)}\n`).join('')}`;
}
