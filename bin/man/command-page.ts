/** The manual page of one command, from what its class says about itself. */
import type { Command } from '@oclif/core';
import { exitCodesOf } from './exit-codes.ts';
import {
  argName,
  argTerm,
  flagTerm,
  flagText,
  type NamedFlag,
  shortTerm,
  valueName,
  visibleArgs,
  visibleFlags,
} from './options.ts';
import { heading, pageName, seeAlso, spoken } from './page.ts';
import {
  type Block,
  bold,
  type Emphasis,
  example,
  italic,
  item,
  literal,
  prose,
  section,
} from './roff.ts';

type Commands = Readonly<Record<string, typeof Command>>;

/** The lines of the page of `commands[id]`. */
export function commandPage(id: string, commands: Commands): Block {
  const command = commands[id];
  if (command === undefined) throw new Error(`there is no command ${id}`);
  const args = visibleArgs(command);
  const flags = visibleFlags(command);
  const emphasis = emphasisOf(command, commands);
  const { summary = '', description = '' } = command;
  return [
    ...heading(pageName(id)),
    '.SH NAME',
    `${literal(pageName(id))} \\- ${literal(firstLower(summary))}`,
    ...section('SYNOPSIS', synopsis(id, command)),
    ...section('DESCRIPTION', prose(description, emphasis)),
    ...section(
      'ARGUMENTS',
      ...args.map(([key, arg]) => item(argTerm(key, arg), prose(arg.description ?? '', emphasis))),
    ),
    ...section(
      'OPTIONS',
      ...flags.map(([name, flag]) => item(flagTerm(name, flag), flagText(flag, emphasis))),
    ),
    ...section('EXAMPLES', ...examplesOf(command).map(example)),
    ...section('EXIT STATUS', exitCodesOf(id, command)),
    ...section('SEE ALSO', seeAlso(['lm', ...relatives(id, commands).map(pageName)])),
  ];
}

/** The examples as typed; they are templates in which only the program's name is filled in. */
export function examplesOf({ examples = [] }: typeof Command): string[] {
  return examples
    .map((one) => (typeof one === 'string' ? one : one.command))
    .map((text) => text.replaceAll(/<%= *config\.bin *%>/g, 'lm'));
}

function emphasisOf(command: typeof Command, commands: Commands): Emphasis {
  const values = visibleFlags(command).map(([name, flag]) => valueName(name, flag));
  const names = visibleArgs(command).map(([key, arg]) => argName(key, arg));
  const whole = values.filter((name) => /^[A-Z]{2,}(:[A-Z]+)?$/.test(name));
  const words = [...values, ...names].flatMap((name) => name.match(/[A-Z]{2,}/g) ?? []);
  const usage =
    [command.usage ?? []]
      .flat()
      .join(' ')
      .match(/[A-Z]{2,}/g) ?? [];
  return {
    bold: Object.keys(commands).map(spoken),
    italic: [...new Set([...whole, ...words, ...usage])],
  };
}

function synopsis(id: string, command: typeof Command): Block {
  const { usage, strict } = command;
  if (usage !== undefined) {
    return [usage].flat().flatMap((line) => ['.PP', written(`lm ${line}`, id)]);
  }
  const flags = visibleFlags(command);
  const args = visibleArgs(command);
  const rank = ([name, { required }]: NamedFlag) =>
    required === true ? 0 : alternatives(name, command).length > 0 ? 1 : 2;
  const ordered = [0, 1, 2].flatMap((wanted) => flags.filter((flag) => rank(flag) === wanted));
  const parts = [
    ...args.map(([key, arg]) => optionally(argTerm(key, arg, strict), arg.required === true)),
    ...new Set(ordered.map((flag) => synopsisOf(flag, command))),
  ];
  return [[bold(spoken(id)), ...parts].join(' ')];
}

/** Flags of which one is needed stand together, so each of them says the same. */
function synopsisOf([name, flag]: NamedFlag, command: typeof Command): string {
  const group = alternatives(name, command);
  if (group.length === 0) return optionally(shortTerm(name, flag), flag.required === true);
  return `(${group.map(([other, its]) => shortTerm(other, its)).join(' | ')})`;
}

function alternatives(name: string, command: typeof Command): NamedFlag[] {
  const flags = visibleFlags(command);
  const names = flags.flatMap(([, { exactlyOne }]) => {
    return exactlyOne?.includes(name) === true ? exactlyOne : [];
  });
  return flags.filter(([other]) => names.includes(other));
}

/** A usage written by hand: what is typed as it stands is bold, what is filled in italic. */
function written(usage: string, id: string): string {
  const rest = usage.slice(spoken(id).length);
  const marked = rest.replaceAll(/--[a-z-]+|[A-Z]{2,}|\.\.\./g, (word) =>
    word.startsWith('-') ? bold(word) : word === '...' ? word : italic(word),
  );
  return `${bold(spoken(id))}${marked.replaceAll(' -- ', ` ${bold('--')} `)}`;
}

function optionally(term: string, required: boolean): string {
  return required ? term : `[${term}]`;
}

/** Commands that are used together: those of one topic, and of one group. */
function relatives(id: string, commands: Commands): string[] {
  const [topic] = id.split(':');
  const group = TOGETHER.find((ids) => ids.includes(id)) ?? [];
  const others = Object.keys(commands).filter((other) => {
    return other !== id && (group.includes(other) || other.split(':')[0] === topic);
  });
  return others.sort();
}

const TOGETHER: readonly (readonly string[])[] = [
  ['request', 'renew', 'release', 'exec', 'session', 'status'],
  ['serve', 'pool:init', 'server:new', 'dev'],
  ['keys:new', 'code:sign', 'code:show', 'rlf:add', 'rlf:sign'],
];

/** The NAME section goes on after a dash, unless the first word is a name. */
function firstLower(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
