/** Whether this machine has an id that a commuted seat can be bound to; many containers have none. */
import { machineFingerprint } from '../../src/net/client/commuter/fingerprint.ts';

export const hasMachineId = has();

function has(): boolean {
  try {
    machineFingerprint();
    return true;
  } catch {
    return false;
  }
}
