/** Where a server listens: HOST:PORT, an IPv6 host in brackets. */
import { isIPv4, isIPv6 } from 'node:net';
import { LmError } from '../errors.ts';
import { quoted } from './names.ts';

export const PORT_DEFAULT = 5930;

export interface Address {
  /** A host name, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Reads an address that others can dial. Throws `usage`, for it is mostly typed by someone. */
export function parseAddress(text: string, portDefault: number | null = PORT_DEFAULT): Address {
  const problem = addressProblem(text, portDefault === null);
  if (problem !== null) {
    const hint = 'Write HOST:PORT, such as license1.example.com:5930 or [2001:db8::1]:5930.';
    throw new LmError('usage', `${quoted(text)} ${problem}.`, hint);
  }
  const [, v6, host = v6, port] = SHAPE.exec(text) ?? [];
  return { host: host ?? '', port: Number(port ?? portDefault) };
}

export function formatAddress({ host, port }: Address): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

export function addressProblem(text: string, portRequired = true): string | null {
  const [matched, v6, host = '', port] = SHAPE.exec(text) ?? [];
  if (matched === undefined) return 'is not an address';
  if (v6 === undefined ? !isHost(host) : !isIPv6(v6)) return 'does not name a host';
  if (ANY_HOST.test(v6 ?? host)) return 'is every address of a host, and none that others can dial';
  if (port === undefined) return portRequired ? 'has no port' : null;
  return Number(port) >= 1 && Number(port) <= 65_535 ? null : 'has no port from 1 to 65535';
}

/** A dotted host of digits only is an address or nothing: 1.2.3 would be looked up as a name. */
function isHost(host: string): boolean {
  if (/^[0-9.]+$/.test(host)) return isIPv4(host);
  return host.length <= 253 && HOST.test(host);
}

const SHAPE = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+))(?::([0-9]{1,5}))?$/;
const LABEL = '[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?';
const HOST = new RegExp(`^${LABEL}(?:\\.${LABEL})*\\.?$`);
const ANY_HOST = /^(0\.0\.0\.0|[0:]+)$/;
