/** Who asks, as `lm status` shows it. Nothing is decided by it. */
import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { HOLDER_CHARACTERS_MAX } from '../../engine/limits.ts';
import type { HolderFields } from '../protocol.ts';

export interface Holder {
  readonly user: string;
  readonly host: string;
  readonly pid: number;
}

export function holderFields(given: Partial<Holder> = {}): HolderFields {
  const { user = userName(), host = hostname(), pid = process.pid } = given;
  const short = (text: string) => text.slice(0, HOLDER_CHARACTERS_MAX);
  return [short(user), short(host), pid];
}

/** A container's user may have a number and no name; Bun knows only the environment's. */
function userName(): string {
  let name = '';
  try {
    name = userInfo().username;
  } catch {
    // No entry for this user.
  }
  if (name !== '' && name !== 'unknown') return name;
  const uid = String(process.getuid?.() ?? 'unknown');
  return nameInPasswd(uid) ?? uid;
}

function nameInPasswd(uid: string): string | null {
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
    return lines.map((line) => line.split(':')).find((fields) => fields[2] === uid)?.[0] ?? null;
  } catch {
    return null;
  }
}
