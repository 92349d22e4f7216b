/** The bytes of a base64url text, or null unless it is the one spelling of those bytes. */
export function bytesOfBase64url(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
