/** Who asks, as `lm status` shows it. Nothing is decided by it. */
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

/** A container's user may have a number and no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
