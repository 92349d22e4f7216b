import { decode } from '../../../src/engine/codec.ts';

const MAC_BYTES = 16;

/** The license that a ticket is for: what it says stands behind its MAC. */
export function ticketLicense(ticket: Uint8Array): string {
  const [license] = decode(ticket.subarray(MAC_BYTES)) as [string];
  return license;
}
