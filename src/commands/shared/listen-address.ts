/** `--listen HOST:PORT`: any address of this host, wildcards too, unlike what an RLF may say. */
import { isIPv6 } from 'node:net';
import { LmError } from '../../engine/errors.ts';

/** An IPv6 host comes in brackets and leaves without. Port 0 lets the system choose. */
export function parseListen(text: string): { readonly host: string; readonly port: number } {
  const [, v6, host = v6, digits] = SHAPE.exec(text) ?? [];
  const port = Number(digits);
  if (host === undefined || port > 65_535 || (v6 !== undefined && !isIPv6(v6))) {
    const hint = 'Write HOST:PORT, such as 127.0.0.1:5930 or [::]:5930.';
    throw new LmError('usage', `--listen ${text} is not an address with a port.`, hint);
  }
  return { host, port };
}

const SHAPE = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+)):([0-9]{1,5})$/;
