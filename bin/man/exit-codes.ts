/** Exit codes in words, and which of them a command can end with. */
import type { Command } from '@oclif/core';
import { type ErrorCode, EXIT_CODES } from '../../src/engine/errors.ts';
import { type Block, bold, type Emphasis, italic, item, prose } from './roff.ts';

type ExitCode = (typeof EXIT_CODES)[ErrorCode];

const WORDS: Readonly<Record<ExitCode, string>> = {
  1: 'There is a defect in lm itself. This is the only failure that prints a stack trace.',
  64: 'The command line is wrong.',
  65:
    'Data is unreadable, unsigned, tampered with, contradictory or older than it was: a file, a ' +
    'data directory, or what a server sent.',
  69: 'No server can be reached, or the pool has no majority.',
  75: 'Denied for now: every seat is in use, or the server is busy.',
  76: 'The other side is not who it should be, or speaks another protocol.',
  77: 'Denied: asking again does not help until something changes.',
  78: 'The configuration is wrong: a file, a directory, a key or an address is missing or unfit.',
  79: 'The seat was lost.',
  124: 'Waited as long as --wait said.',
};

const EVERY: readonly ExitCode[] = [1, 64];
const FILES: readonly ExitCode[] = [65, 78];
const SIGNED_FILES: readonly ExitCode[] = [65, 76, 78];
/** Of every command that connects to a pool, and of those that ask for a seat. */
const CLIENT: readonly ExitCode[] = [65, 69, 76, 78];
const SEAT: readonly ExitCode[] = [75, 77, 124];
/** What the flags do not tell. */
const OF_COMMAND: Readonly<Record<string, readonly ExitCode[]>> = {
  'code:show': SIGNED_FILES,
  'code:sign': [78],
  dev: [69, 78],
  exec: [79],
  help: [],
  'keys:new': [78],
  'pool:card': SIGNED_FILES,
  'pool:init': [78],
  renew: [77, 79],
  'rlf:add': SIGNED_FILES,
  'rlf:sign': SIGNED_FILES,
  'rlf:verify': SIGNED_FILES,
  serve: SIGNED_FILES,
  'server:new': [78],
};

const SIGNAL = 'A signal ended it, which the code less 128 tells.';

/** All of them, each with the `error.code` of its JSON. */
export function allExitCodes(emphasis: Emphasis): Block {
  return [
    ...item(bold('0'), ['Done.']),
    ...known().flatMap((code) => item(bold(String(code)), withNames(code, emphasis))),
    ...item(`${bold('126')}, ${bold('127')}`, prose(NOT_RUN, emphasis)),
    ...item(`${bold('128')} + n`, prose(SIGNAL, emphasis)),
  ];
}

/** Those of one command. */
export function exitCodesOf(id: string, { args, flags = {} }: typeof Command): Block {
  const connects = 'insecure' in flags;
  const usesFiles = Object.keys({ ...args, ...flags }).some((name) => name !== 'json');
  const codes = new Set<ExitCode>([
    ...EVERY,
    ...(connects ? CLIENT : []),
    ...('wait' in flags ? SEAT : []),
    ...(OF_COMMAND[id] ?? (usesFiles ? FILES : [])),
  ]);
  const ended = known().filter((code) => codes.has(code));
  return [
    ...(id === 'exec' ? item(italic('n'), prose(AS_COMMAND, NOTHING)) : item(bold('0'), ['Done.'])),
    ...ended.flatMap((code) => item(bold(String(code)), prose(WORDS[code], NOTHING))),
    ...(id === 'exec' ? item(`${bold('126')}, ${bold('127')}`, prose(NOT_RUN, NOTHING)) : []),
    ...(connects ? item(`${bold('128')} + n`, prose(SIGNAL, NOTHING)) : []),
  ];
}

function withNames(code: ExitCode, emphasis: Emphasis): Block {
  const names = Object.entries(EXIT_CODES).filter(([, exit]) => exit === code);
  return [...prose(WORDS[code], emphasis), `(${names.map(([name]) => bold(name)).join(', ')})`];
}

function known(): ExitCode[] {
  return [...new Set(Object.values(EXIT_CODES))].sort((a, b) => a - b);
}

const NOTHING: Emphasis = { bold: [], italic: [] };
const AS_COMMAND = 'The command ended with it; the codes below are those of lm.';
const NOT_RUN = '`lm exec`: the command is not executable, or there is none.';
