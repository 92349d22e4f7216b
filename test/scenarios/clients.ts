/** What clients of a scenario say to servers, kept back where it is held, and what they are told. */

import {
  type AdminAct,
  type AdminDocument,
  adminText,
} from '../../src/engine/license/admin-act.ts';
import { signDocument } from '../../src/engine/license/signed-document.ts';
import { type ClientMessage, MessageType } from '../../src/engine/messages.ts';
import { ADMIN } from '../engine/sample-rlf.ts';
import type { ScenarioClient } from './client.ts';
import type { Answer, ScenarioPool } from './pool.ts';
import { answerText } from './text.ts';

const ACT_MS = 60_000;
const MACHINE = 'm'.repeat(43);

/** How a client speaks: to whom, as whom, and what it shows. */
interface Speech {
  readonly server: string;
  /** Of another client: its connection. */
  readonly as?: string;
  readonly build: (sequence: number, client: ScenarioClient) => ClientMessage;
}

export class Clients {
  readonly #pool: ScenarioPool;
  /** Clients whose messages are kept back, with what was kept. */
  readonly #held = new Map<string, (() => void)[]>();
  #acts = 0;

  constructor(pool: ScenarioPool) {
    this.#pool = pool;
  }

  /**
   * `request a B [COUNT] [HOLD] [patience=MS] [with=A] [as=b] [forged]`; once more for a poll.
   * A client shows the place in the line that it was given last, or by A; over the connection of b;
   * or one that nobody signed.
   */
  request([names = '', server = '', ...rest]: readonly string[]): void {
    const [count = 1, hold = 0] = rest.filter((word) => /^\d+$/.test(word)).map(Number);
    const patienceMs = Number(optionIn(rest, 'patience') ?? 0);
    const as = optionIn(rest, 'as');
    this.#say(names, {
      server,
      ...(as === null ? {} : { as }),
      build: (sequence, client) => {
        const { key } = client;
        const wish = [null, 'Application', null, count, patienceMs, hold] as const;
        return [MessageType.request, sequence, key, ...wish, placeOf(client, rest)];
      },
    });
  }

  /**
   * `beat a B [FENCE|told] [with=A] [as=b] [forged]`: a heartbeat or, with a fence, a claim; with
   * the ticket that A gave it, over the connection of b, with a ticket that nobody signed.
   */
  beat([names = '', server = '', ...rest]: readonly string[]): void {
    const as = optionIn(rest, 'as');
    this.#say(names, {
      server,
      ...(as === null ? {} : { as }),
      build: (sequence, client) => {
        const { heartbeat } = MessageType;
        const fence = rest.includes('told') ? client.fence : numberIn(rest);
        return [heartbeat, sequence, client.key, ticketOf(client, rest), fence];
      },
    });
  }

  /** `release a B`: it gives its seat up as soon as it says so. */
  release([names = '', server = '']: readonly string[]): void {
    this.#say(names, {
      server,
      build: (sequence, client) => {
        client.givesUp();
        return [MessageType.release, sequence, client.key, client.ticket];
      },
    });
  }

  /** `commute a B DAYS [COUNT]`: a seat that leaves; once more for a retry. */
  commute([names = '', server = '', days, count = '1']: readonly string[]): void {
    this.#say(names, {
      server,
      build: (sequence, { key }) => {
        const wish = [null, 'Application', null, Number(count), 0, 0] as const;
        return [MessageType.request, sequence, key, ...wish, null, [Number(days), MACHINE]];
      },
    });
  }

  /** `check-in a B [INDEX]`: it was there at that index of the ledger; at what B applied else. */
  checkIn([names = '', server = '', index]: readonly string[]): void {
    const applied = this.#pool.server(server).core?.applied ?? 0;
    this.#say(names, {
      server,
      build: (sequence, client) => {
        client.givesUp();
        const at = index === undefined ? applied : Number(index);
        return [MessageType.release, sequence, client.key, new Uint8Array(0), at];
      },
    });
  }

  /** An administrative act, signed by the admin key for one server. */
  act(server: string, act: AdminAct): void {
    const { rlf } = this.#pool;
    const { wall } = this.#pool.server(server).time;
    this.#acts += 1;
    const nonce = Buffer.alloc(16, this.#acts).toString('base64url');
    const about = { pool: rlf.pool, epoch: 1, server, nonce, expires: wall + ACT_MS };
    const document: AdminDocument = { ...act, ...about };
    const signature = signDocument('lm-admin-v1', document, ADMIN);
    this.#say('admin', {
      server,
      build: (sequence) => [MessageType.act, sequence, adminText(document), signature],
    });
  }

  /** As `lm rlf push` does, all parts at once. */
  push(to: string, text: string): void {
    const server = this.#pool.server(to);
    const client = this.#pool.client('admin');
    const sequence = client.sends(this.#pool.now);
    const push = { client: client.at(to), sequence, text, bytes: text.length, isTrial: false };
    server.step({ type: 'pushed', push });
    this.#pool.settle();
  }

  /** `evict a B [force]` */
  evict([name = '', server = '', force]: readonly string[]): void {
    const about = force === 'force' ? { force: true as const } : {};
    this.act(server, { act: 'evict', id: this.#pool.client(name).publicId, ...about });
  }

  hold(names: readonly string[]): void {
    for (const name of names.flatMap(namesIn)) this.#held.set(name, []);
  }

  /** What was kept back arrives, all at once. */
  deliver(names: readonly string[]): void {
    for (const name of names.flatMap(namesIn)) {
      const held = this.#held.get(name) ?? [];
      this.#held.delete(name);
      for (const send of held) send();
    }
    this.#pool.settle();
  }

  #say(names: string, { server: to, as, build }: Speech): void {
    const server = this.#pool.server(to);
    for (const name of namesIn(names)) {
      const client = this.#pool.client(name);
      const message = build(client.sends(this.#pool.now), client);
      const speaking = this.#pool.client(as ?? name).at(to);
      const send = () => server.step({ type: 'message', client: speaking, message });
      const held = this.#held.get(name);
      if (held === undefined) send();
      else held.push(send);
    }
    this.#pool.settle();
  }
}

/** Answers, a line for those that are alike and follow each other. */
export function answerLines(answers: readonly Answer[]): string[] {
  const lines: { from: string; text: string; names: string[] }[] = [];
  for (const { from, client, message } of answers) {
    const text = answerText(message);
    const last = lines.at(-1);
    const name = client?.name ?? '?';
    if (last?.from === from && last.text === text) last.names.push(name);
    else lines.push({ from, text, names: [name] });
  }
  return lines.map(({ from, text, names }) => {
    const [first = '', ...others] = names;
    return `${from} to ${others.length === 0 ? first : `${first}-${others.at(-1)}`}: ${text}`;
  });
}

/** `a1-a40` stands for forty clients. */
function namesIn(names: string): string[] {
  const [, letters = '', first, last] = /^([a-z]+)(\d+)-\1(\d+)$/.exec(names) ?? [];
  if (first === undefined || last === undefined) return [names];
  const count = Number(last) - Number(first) + 1;
  return Array.from({ length: count }, (_, at) => `${letters}${Number(first) + at}`);
}

function ticketOf(client: ScenarioClient, words: readonly string[]): Uint8Array {
  const from = optionIn(words, 'with');
  const ticket = from === null ? client.ticket : client.tickets.get(from);
  if (ticket === undefined) throw new Error(`${client.name} has no ticket from ${from}`);
  return words.includes('forged') ? forged(ticket) : ticket;
}

function placeOf(client: ScenarioClient, words: readonly string[]): Uint8Array | null {
  const from = optionIn(words, 'with');
  const place = from === null ? client.place : client.places.get(from);
  if (place === undefined) throw new Error(`${client.name} has no place from ${from}`);
  if (place === null) return null;
  return words.includes('forged') ? forged(place) : place;
}

function forged(signed: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(signed);
  copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
}

function numberIn(words: readonly string[]): number | null {
  const word = words.find((one) => /^\d+$/.test(one));
  return word === undefined ? null : Number(word);
}

function optionIn(words: readonly string[], name: string): string | null {
  return words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? null;
}
