/** Where `release` and `renew` find the key of a seat: a secret, so never on the command line. */

import { LmError } from '../../engine/errors.ts';
import { KEY_TEXT_CHARACTERS_MAX } from '../../net/client/limits.ts';
import { readText } from './files.ts';
import { Args, Flags } from './oclif.ts';

export const keyArgs = {
  key: Args.string({
    description: '"-" to read the key from standard input.',
    ignoreStdin: true,
    name: '-',
  }),
};

export const keyFlags = {
  'key-file': Flags.string({
    description: 'The file that holds the key. Default: the key in LM_KEY.',
    helpValue: 'FILE',
  }),
};

const READING = { bytesMax: KEY_TEXT_CHARACTERS_MAX, code: 'config' } as const;

/** The key's text. @throws LmError `usage`, `config`. */
export async function readKey(argument: string | undefined, file: string | undefined) {
  if (argument !== undefined && argument !== '-') {
    throw new LmError(
      'usage',
      'The key of a seat is a secret: on the command line everyone on this machine can read it.',
      'Give "-" and the key on standard input, or --key-file, or LM_KEY.',
    );
  }
  if (argument === '-') return (await readText('-', READING)).trim();
  if (file !== undefined) return (await readText(file, READING)).trim();
  const inherited = process.env['LM_KEY'];
  if (inherited) return inherited.trim();
  throw new LmError(
    'usage',
    'Which seat is meant?',
    'Give "-" and the key on standard input, or --key-file, or LM_KEY.',
  );
}
