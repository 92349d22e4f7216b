/** Arguments and options: how they are written, and what the parser knows of them. */
import type { Command, Interfaces } from '@oclif/core';
import { type Block, bold, type Emphasis, italic, prose } from './roff.ts';

type Flag = Interfaces.FlagInput[string];
type Arg = Interfaces.ArgInput[string];
export type NamedFlag = [string, Flag];

// A class that declares no flags or arguments inherits undefined, whatever its type says.

export function visibleFlags({ flags }: typeof Command): NamedFlag[] {
  return Object.entries(flags ?? {})
    .filter(([, flag]) => flag.hidden !== true)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

export function visibleArgs({ args }: typeof Command): [string, Arg][] {
  return Object.entries(args ?? {}).filter(([, arg]) => arg.hidden !== true);
}

export function argName(key: string, { name }: Arg): string {
  return name ?? key.toUpperCase();
}

export function argTerm(key: string, arg: Arg, strict = true): string {
  const name = argName(key, arg);
  const term = name === '-' ? bold(name) : italic(name);
  return arg.multiple === true || !strict ? `${term} ...` : term;
}

export function valueName(name: string, flag: Flag): string {
  if (flag.type !== 'option') return '';
  const { helpValue, options } = flag;
  if (helpValue === undefined) return options === undefined ? name.toUpperCase() : 'WORD';
  return [helpValue].flat().join(' ');
}

export function flagTerm(name: string, flag: Flag): string {
  const long = [name, ...(flag.aliases ?? [])].map((one) => bold(`--${one}`));
  const names = [...(flag.char === undefined ? [] : [bold(`-${flag.char}`)]), ...long].join(', ');
  return flag.type === 'option' ? `${names} ${italic(valueName(name, flag))}` : names;
}

/** For the synopsis, where an option and its value stay in one line. */
export function shortTerm(name: string, flag: Flag): string {
  const term = bold(flag.char === undefined ? `--${name}` : `-${flag.char}`);
  return flag.type === 'option' ? `${term}\\ ${italic(valueName(name, flag))}` : term;
}

/** The description, then what else the parser knows: words, bounds, default, variable, company. */
export function flagText(flag: Flag, emphasis: Emphasis): Block {
  const options = flag.type === 'option' ? (flag.options ?? []) : [];
  const notes = [
    flag.required === true ? 'Required.' : '',
    options.length > 0 ? `One of ${options.map(bold).join(', ')}.` : '',
    bounds(flag),
    typeof flag.default === 'string' || typeof flag.default === 'number'
      ? `Default: ${bold(String(flag.default))}.`
      : '',
    flag.env === undefined ? '' : `Environment: ${bold(flag.env)}.`,
    company('Not together with', flag.exclusive),
    company('Only together with', flag.dependsOn),
    company('Exactly one is needed of', flag.exactlyOne),
  ];
  return [...prose(flag.description ?? '', emphasis), ...notes.filter((note) => note !== '')];
}

function bounds(flag: Flag): string {
  const { min, max } = flag as { readonly min?: unknown; readonly max?: unknown };
  if (typeof min !== 'number') return '';
  if (typeof max !== 'number' || max === Number.MAX_SAFE_INTEGER) return `At least ${min}.`;
  return min === max ? `Only ${min}.` : `From ${min} to ${max}.`;
}

function company(words: string, names: readonly string[] | undefined): string {
  if (names === undefined || names.length === 0) return '';
  return `${words} ${names.map((name) => bold(`--${name}`)).join(', ')}.`;
}
