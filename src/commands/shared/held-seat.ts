/** A seat that a key file holds already, for `lm exec --key-file` to take over. */
import { existsSync, statSync } from 'node:fs';
import { LmError } from '../../engine/errors.ts';
import type { LicenseClient } from '../../net/client/license-client.ts';
import type { Seat } from '../../net/client/seat.ts';
import { readSeatText } from '../../net/client/seat-text.ts';
import { readKey } from './key-source.ts';
import { printable } from './printable.ts';

export interface HeldSeat {
  readonly text: string;
  readonly instance: Uint8Array;
}

/**
 * Null where there is no such file, or nothing in it.
 *
 * @throws LmError `bad-data` where it holds no key, `config` where the key is for something else.
 */
export async function heldSeat(
  file: string | undefined,
  application: string,
): Promise<HeldSeat | null> {
  if (file === undefined || !existsSync(file)) return null;
  const stats = statSync(file);
  if (!stats.isFile() || stats.size === 0) return null;
  const text = await readKey(undefined, file);
  const seat = readSeatText(text);
  if (seat.application === application.normalize('NFC')) return { text, instance: seat.instance };
  const found = printable(seat.application);
  throw new LmError(
    'config',
    `${file} holds a seat of ${found}, and ${printable(application)} is to be run.`,
    'Name another file, or the application of that seat.',
  );
}

/** That seat, kept alive here from now on; null where there is none any more. */
export async function taken(client: LicenseClient, held: HeldSeat | null): Promise<Seat | null> {
  if (held === null) return null;
  try {
    return await client.take(held.text);
  } catch (error) {
    // What a command that died left behind has ended some time.
    if (error instanceof LmError && error.code === 'lost') return null;
    throw error;
  }
}
