/** How a scenario shows what servers answer and know: short lines. */
import type { ErrorDetails } from '../../src/engine/errors.ts';
import { type CoreMessage, MessageType } from '../../src/engine/messages.ts';
import type { ScenarioPool } from './pool.ts';
import type { ScenarioServer } from './server.ts';

export function answerText(message: CoreMessage): string {
  switch (message[0]) {
    case MessageType.grant:
      return `granted ${message[7]}, for ${message[3]} ms`;
    case MessageType.denied:
      return `denied ${message[2]}: ${message[3]}`;
    case MessageType.waiting:
      return `waits, place ${message[2]} of ${message[3]}`;
    case MessageType.alive:
      return `alive, for ${message[3]} ms`;
    case MessageType.gone:
      return `gone ${message[2]}`;
    case MessageType.fenced:
      return `${message[3]} is fenced, at ${message[2]}`;
    case MessageType.released:
      return message[2] ? `released ${message[3]}` : 'nothing to release';
    case MessageType.rlfPushed:
      return `RLF ${message[3]?.sequence} ${message[3]?.inForce ? 'is in force' : 'taken'}`;
    case MessageType.done:
      return doneText(message[2]);
    case MessageType.error:
      return `error ${message[2]}: ${message[3]}`;
    default:
      return `message ${message[0]}`;
  }
}

function doneText({ freeAt, format, raised }: ErrorDetails): string {
  if (format !== undefined) return `done, format ${format}${raised === true ? '' : ' as before'}`;
  return freeAt === undefined ? 'done' : `done, free at ${freeAt}`;
}

interface Moved {
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly reason: string;
}

/** What `lm status` shows, as far as scenarios show it. */
export interface StatusDocument {
  readonly leader: string | null;
  readonly term: number;
  readonly majority: boolean;
  readonly format: number;
  readonly formatAvailable: number | null;
  readonly servers: readonly {
    readonly name: string;
    readonly role: string;
    readonly state: string;
    readonly version: string | null;
    readonly leaving?: true;
  }[];
  readonly licenses: readonly {
    readonly available: number | null;
    readonly freePool: number;
    readonly commuted: number;
    readonly held: number;
    readonly deficit: number;
    readonly moves: { readonly underWay: readonly Moved[]; readonly last: readonly Moved[] };
    readonly distribution: readonly {
      readonly server: string;
      readonly allocated: number;
      readonly inUse: number | null;
      readonly available: number | null;
      readonly lendable: number | null;
    }[];
  }[];
}

/** `B follower of A, term 2, may issue: A leader up, B follower up, C follower down`. */
export function serversText(server: ScenarioServer): string {
  const document = server.status();
  if (document === null) return absent(server);
  const { leader, term, majority, servers } = document;
  const isLeaving = server.core?.isLeaving === true;
  const own = servers.find(({ name, leaving = false }) => {
    return name === server.listed.name && leaving === isLeaving;
  });
  const states = servers.map(({ name, role, state, leaving }) => {
    return `${name} ${role} ${state}${leaving === true ? ' leaving' : ''}`;
  });
  const follows = leader === server.name ? '' : ` of ${leader ?? 'nobody'}`;
  const window = majority ? 'window open' : 'no majority';
  return `${server.name} ${own?.role}${follows}, term ${term}, ${window}: ${states.join(', ')}`;
}

function absent({ name, stopped }: ScenarioServer): string {
  return `${name} ${stopped ? 'is stopped' : 'is not running'}`;
}

/** A row per server: allocated, in use, available, and what can be lent. X: not known. */
export function tableText(server: ScenarioServer): string[] {
  const document = server.status();
  if (document === null) return [absent(server)];
  const lines: string[] = [];
  for (const { available, freePool, deficit, distribution } of document.licenses) {
    const owed = deficit > 0 ? `, deficit ${deficit}` : '';
    lines.push(`${server.name}: available ${cell(available)}, free pool ${freePool}${owed}`);
    for (const row of distribution) {
      const numbers = `in use ${cell(row.inUse)} available ${cell(row.available)}`;
      lines.push(`  ${row.server} ${row.allocated} ${numbers} lendable ${cell(row.lendable)}`);
    }
  }
  return lines;
}

/** Moves under way, then those of before, the newest first. */
export function movesText(server: ScenarioServer): string[] {
  const words = ({ from, to, count, reason }: Moved) => `${count} from ${from} to ${to}, ${reason}`;
  return (server.status()?.licenses ?? []).flatMap(({ moves: { underWay, last } }) => [
    ...underWay.map((move) => `under way: ${words(move)}`),
    ...last.map(words),
  ]);
}

/** `B: commuted 2, held 0, free pool 1`. */
export function recordsText(server: ScenarioServer): string {
  const document = server.status();
  if (document === null) return absent(server);
  const words = document.licenses.map(({ commuted, held, freePool }) => {
    return `commuted ${commuted}, held ${held}, free pool ${freePool}`;
  });
  return `${server.name}: ${words.join('; ')}`;
}

/** `B: secret 2`: the newest secret of tickets that it knows. */
export function secretsText(server: ScenarioServer): string {
  const { core, name } = server;
  if (core === null) return absent(server);
  const { generation, isStale } = core.state.secrets;
  return `${name}: secret ${generation}${isStale ? ', to be replaced' : ''}`;
}

/** `A: format 1, of 2 that all understand; B runs 0.1`: as it knows it. */
export function formatText(server: ScenarioServer): string {
  const document = server.status();
  if (document === null) return absent(server);
  const { format, formatAvailable, servers } = document;
  const programs = servers.map(({ name, version }) => `${name} runs ${version ?? 'X'}`);
  const all = `all understand ${cell(formatAvailable)}`;
  return `${server.name}: format ${format}, ${all}; ${programs.join(', ')}`;
}

function cell(value: number | null): string {
  return value === null ? 'X' : String(value);
}

/** Who takes part, as the server has applied it: `A: A B C, learns D, leaves B, RLF 2`. */
export function membersText(server: ScenarioServer, pool: ScenarioPool): string {
  const { core, name } = server;
  if (core === null) return absent(server);
  const { configuration, members, rlf } = core.state;
  const names = (ids: readonly string[]) => ids.map((id) => pool.byId(id).name).join(' ');
  const leaving = members.leaving.map(({ fingerprint }) => fingerprint);
  const parts = [
    names(configuration.voters) || 'nobody',
    ...(configuration.learners.length > 0 ? [`learns ${names(configuration.learners)}`] : []),
    ...(leaving.length > 0 ? [`leaves ${names(leaving)}`] : []),
    `RLF ${rlf.sequence}`,
    ...(core.state.epoch > 1 ? [`epoch ${core.state.epoch}`] : []),
  ];
  return `${name}: ${parts.join(', ')}`;
}
