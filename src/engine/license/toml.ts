/** TOML from outside, parsed within bounds and named when it is wrong. */
import { parse, TomlError } from 'smol-toml';
import { RLF_BYTES_MAX } from '../limits.ts';
import { badData } from './fields.ts';

/** Throws `bad-data`. Integers too large for a number come as bigint, which no field accepts. */
export function parseToml(text: string, what: string): Record<string, unknown> {
  if (Buffer.byteLength(text) > RLF_BYTES_MAX) {
    throw badData(`${what} is larger than ${RLF_BYTES_MAX} bytes.`);
  }
  try {
    return parse(text, { integersAsBigInt: 'asNeeded', maxDepth: DEPTH_MAX });
  } catch (error) {
    if (!(error instanceof TomlError)) throw badData(`${what} is not TOML.`);
    const [problem = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    const place = `line ${error.line}, column ${error.column}`;
    throw badData(`${what} is not TOML: ${problem} (${place}).`, 'Correct that line.');
  }
}

/** A basic string of TOML. Names and base64url need no escapes, but nothing is left to luck. */
export function tomlText(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f');
}

/** A key, bare where TOML allows it. */
export function tomlKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : tomlText(key);
}

const DEPTH_MAX = 8;
