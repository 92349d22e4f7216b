/** DESIGN section 10: commuted seats are records of the ledger with an end. */
import { describe, expect, test } from 'bun:test';
import { type CoreMessage, MessageType, type Release } from '../../src/engine/messages.ts';
import { idTextOfKey } from '../../src/engine/seat-key.ts';
import { makeRlf, type SampleCode } from './sample-rlf.ts';
import { keyBytes, type RequestOptions, Server, START } from './server.ts';

const { grant, denied, released, gone, heartbeat } = MessageType;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MACHINE = 'm'.repeat(43);

function pool(...codes: SampleCode[]) {
  const policy = { limit: 10, commuterDays: 7, commuterShare: 0.5 };
  const server = new Server(makeRlf({ codes: codes.map((code) => ({ ...policy, ...code })) }));
  const client = server.client();
  const out = (key: number, days: number, more: RequestOptions = {}) => {
    return server.ask(client, server.request(key, { commute: [days, MACHINE], ...more }))[0];
  };
  /** As a check-in says it, with an index of the ledger at which the seat was there. */
  const back = (key: number, index = server.core.applied): CoreMessage | undefined => {
    const message: Release = [MessageType.release, 1, keyBytes(key), new Uint8Array(0), index];
    return server.ask(client, message)[0];
  };
  const end = (key: number) => {
    const { state } = server.core;
    return state.held.get(idTextOfKey(keyBytes(key)))?.commute?.end ?? null;
  };
  return { server, client, out, back, end };
}

describe('a commuted seat', () => {
  test('is in a record with its end, and in no row', () => {
    const { server, out, end } = pool({});
    expect(out(1, 3, { count: 2 })).toMatchObject({ 0: grant, 3: 3 * DAY, 7: 2 });
    expect(end(1)).toBe(START + 3 * DAY);
    expect(server.license()).toMatchObject({ commuted: 2, held: 0, inUse: 0, available: 8 });
  });

  test('comes back once its end and the skew are past, not sooner, and once', () => {
    const { server, out, back } = pool({});
    out(1, 3);
    server.pass(3 * DAY + HOUR - 1_000);
    expect(server.license()).toMatchObject({ commuted: 1, available: 9 });
    server.pass(61_000);
    expect(server.license()).toMatchObject({ commuted: 0, available: 10 });
    expect(back(1)).toEqual([released, 1, false, 0]);
    expect(server.license()).toMatchObject({ commuted: 0, available: 10 });
  });

  test('is given back early, once, and not again at its end', () => {
    const { server, out, back } = pool({});
    out(1, 3);
    expect(back(1)).toEqual([released, 1, true, 1]);
    expect(back(1)).toEqual([released, 1, false, 0]);
    server.pass(4 * DAY);
    expect(server.license()).toMatchObject({ commuted: 0, available: 10 });
  });

  test('outlives restarts, with its end', () => {
    const { server, out, end } = pool({});
    out(1, 3);
    server.pass(DAY);
    server.restart();
    expect(end(1)).toBe(START + 3 * DAY);
    server.pass(2 * DAY + HOUR + 61_000);
    expect(server.license()).toMatchObject({ commuted: 0, available: 10 });
  });

  test('is found by a retry, with the end that it had', () => {
    const { server, out, end } = pool({});
    out(1, 3);
    server.pass(DAY);
    expect(out(1, 3)).toMatchObject({ 0: grant, 3: 2 * DAY, 7: 1 });
    expect(end(1)).toBe(START + 3 * DAY);
    expect(server.license()).toMatchObject({ commuted: 1 });
  });

  test('is used by its file: neither a heartbeat nor an ordinary request has it', () => {
    const { server, client, out } = pool({});
    out(1, 3);
    const beat = [heartbeat, 5, keyBytes(1), new Uint8Array(0), null, true] as const;
    expect(server.ask(client, [...beat])[0]).toMatchObject({ 0: gone, 2: 'not-authorized' });
    const [answer] = server.ask(client, server.request(1));
    expect(answer).toMatchObject({ 0: denied, 2: 'not-authorized' });
    expect(server.license()).toMatchObject({ commuted: 1, inUse: 0 });
  });

  test('does not come again by a late request, once it was given back', () => {
    const { server, out, back } = pool({});
    out(1, 3);
    back(1);
    expect(out(1, 3)).toMatchObject({ 0: denied });
    expect(server.license()).toMatchObject({ commuted: 0, available: 10 });
  });

  test('is not declared back by a server that does not know of it yet', () => {
    const { server, back } = pool({});
    expect(back(1, server.core.applied + 1)).toMatchObject({ 0: gone, 2: 'busy' });
  });
});

describe('what may leave', () => {
  test('is bounded in days and in its share, by name and with numbers', () => {
    const { out } = pool({ commuterDays: 7, commuterShare: 0.29 });
    const details = { days: 8, commuterDays: 7 };
    expect(out(1, 8)).toMatchObject({ 0: denied, 2: 'denied-by-policy', 5: details });
    expect(out(2, 7, { count: 2 })).toMatchObject({ 0: grant });
    const most = { requested: 1, commuted: 2, commuterSeatsMax: 2 };
    expect(out(3, 1)).toMatchObject({ 0: denied, 2: 'denied-by-policy', 5: most });
  });

  test('is nothing where the license says nothing', () => {
    const { out } = pool({ commuterDays: 0, commuterShare: 0 });
    expect(out(1, 1)).toMatchObject({ 0: denied, 2: 'denied-by-policy' });
    expect(out(1, 1, { version: '2.0' })).toMatchObject({ 2: 'version-not-licensed' });
  });

  test('a share that is no exact number is not one seat less', () => {
    const { out } = pool({ limit: 100, commuterShare: 0.29 });
    expect(out(1, 1, { count: 29 })).toMatchObject({ 0: grant });
  });

  test('ends with its license, and is of codes that last until then', () => {
    const soon = { expires: START + 2 * DAY, limit: 4 };
    const { out, end } = pool(soon, { limit: 6 });
    expect(out(1, 5, { count: 4 })).toMatchObject({ 2: 'denied-by-policy' });
    expect(out(2, 5, { count: 3 })).toMatchObject({ 0: grant });
    expect(end(2)).toBe(START + 5 * DAY);
    const only = pool(soon);
    only.out(1, 5);
    expect(only.end(1)).toBe(START + 2 * DAY);
  });

  test('is of the lowest version that lets seats leave', () => {
    const stays = { version: '2.0', commuterDays: 0, commuterShare: 0 };
    const { out } = pool(stays, { version: '3.0' });
    expect(out(1, 1, { version: '1.0' })).toMatchObject({ 0: grant, 6: '3.0' });
  });

  test('is decided by the ledger: of two requests in one batch the second is denied', () => {
    const { server, client } = pool({ limit: 2 });
    const ask = (key: number) => {
      const message = server.request(key, { commute: [1, MACHINE] });
      return { type: 'message', client, message } as const;
    };
    const answers = server.step(ask(1), ask(2));
    expect(answers.map(([type]) => type)).toEqual([grant, denied]);
    expect(answers[1]?.[2]).toBe('denied-by-policy');
    expect(server.license()).toMatchObject({ commuted: 1, available: 1 });
  });

  test('stays away when a push forbids it later, and is owed meanwhile', () => {
    const { server, out } = pool({ limit: 2 });
    out(1, 3);
    const rlf = makeRlf({ sequence: 2, codes: [{ limit: 1 }] });
    server.step({ type: 'offered', rlf });
    expect(server.license()).toMatchObject({ commuted: 1, hardLimit: 1, deficit: 0 });
    expect(server.ask(server.client(), server.request(9))[0]).toMatchObject({ 2: 'all-in-use' });
    server.pass(3 * DAY + HOUR + 61_000);
    expect(server.license()).toMatchObject({ commuted: 0, available: 1 });
  });
});
