/**
 * The fingerprint of a machine, to which a commuter's file is bound: the base64url of the SHA-256
 * of `lm-machine-v1`, a zero byte, and the id of machine-id(5), 32 hexadecimal digits. That is
 * drawn when the system is installed, and says nothing of the hardware; the id itself is not told.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { LmError } from '../../../engine/errors.ts';

const PLACES = ['/etc/machine-id', '/var/lib/dbus/machine-id'] as const;
const DOMAIN = 'lm-machine-v1\0';

/** @throws LmError `config` where the machine has no id, as in many containers. */
export function machineFingerprint(): string {
  for (const place of PLACES) {
    const id = idIn(place);
    if (id !== null) return createHash('sha256').update(`${DOMAIN}${id}`).digest('base64url');
  }
  throw new LmError(
    'config',
    `This machine has no id in ${PLACES[0]}: a seat can't be bound to it.`,
    'Run systemd-machine-id-setup as root; in a container, mount the id of the host.',
  );
}

function idIn(place: string): string | null {
  try {
    const text = readFileSync(place, 'latin1').trim();
    return /^[0-9a-f]{32}$/.test(text) ? text : null;
  } catch {
    return null;
  }
}
