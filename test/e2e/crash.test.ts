/**
 * Kill -9 under load (issue 2, "Crash"): what was acknowledged stands, whatever the moment. The
 * page cache outlives the process, so this tests the order of writes and replies, not the disk.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { renameSync, writeFileSync } from 'node:fs';
import { MessageType } from '../../src/net/protocol.ts';
import { until } from '../client/until.ts';
import { startLoad } from './load.ts';
import { Random, runSeed } from './random.ts';
import { NO_TICKET, RawClient, rawStatus, wish } from './raw-client.ts';
import { keyFrom, RlfWriter, type WrittenLicense } from './rlf-writer.ts';
import { SeatBook } from './seat-book.ts';
import type { Server } from './server.ts';
import { Site } from './site.ts';

const ROUNDS = process.env['LM_SOAK'] === '1' ? 50 : 10;
const CONNECTIONS = 12;
/** Answers in a round before the kill, at most. */
const ANSWERS_MAX = 2_500;

const { grant, denied, released } = MessageType;

const site = new Site();
const seed = runSeed();
const random = new Random(seed);
const book = new SeatBook();
let pushes: Pushes;
/** Requests and releases without an answer, over all rounds. */
let doubts = 0;

beforeAll(async () => {
  // Most of Big lies in the free pool, so that the ledger moves seats under load; Small is short.
  await site.found([
    { application: 'Big', limit: 60, allocated: 10 },
    { application: 'Small', limit: 12, allocated: 5 },
    { application: 'Big', limit: 50, allocated: 15 },
  ]);
  pushes = await Pushes.of(site);
});
afterAll(() => site.close());

test(`${ROUNDS} rounds of kill -9 under load`, async () => {
  console.log(`seed ${seed}: LM_SEED=${seed} bun test test/e2e/crash.test.ts`);
  let server = await site.serve();
  for (let round = 0; round < ROUNDS; round++) {
    await loadAndKill(server);
    server = await site.serve();
    await check(`round ${round} of seed ${seed}`);
  }
  expect(await server.stop()).toBe(0);
  // Otherwise nothing was tested: the kills came when all was quiet.
  expect(doubts).toBeGreaterThan(ROUNDS);
  console.log(`${doubts} requests and releases were in doubt`);
}, 600_000);

/** Load, and an RLF pushed meanwhile, and a kill at a moment that the seed tells. */
async function loadAndKill(server: Server): Promise<void> {
  const killAt = 1 + random.below(ANSWERS_MAX);
  const pushAt = random.below(2 * killAt);
  let answers = 0;
  const onAnswer = () => {
    answers++;
    if (answers === pushAt) pushes.next(server);
    if (answers === killAt) server.signal('SIGKILL');
  };
  const options = { port: site.port, connections: CONNECTIONS, applications: ['Big', 'Small'] };
  const clients = await startLoad({ ...options, book, random, onAnswer });
  await until(() => clients.every(({ closed }) => closed), 'the server is dead', 60_000);
  await server.exited;
}

async function check(where: string): Promise<void> {
  const client = await RawClient.greet(site.port);
  doubts += book.in('asked').length + book.in('releasing').length;
  const agreed = async () => {
    const wrong = [...book.problems, ...book.disagreements(await rawStatus(client))];
    expect({ where, wrong }).toEqual({ where, wrong: [] });
  };
  await agreed();
  await settleDoubts(client);
  await agreed();
  expect(book.in('asked')).toEqual([]);
  book.forget(book.in('free'));
  client.close();
}

/** Whoever had no answer asks again with the same key: what is there is found, and only once. */
async function settleDoubts(client: RawClient): Promise<void> {
  const counted = new Set((await rawStatus(client)).authorizations.map(([id]) => hexOf(id)));
  const retries = book.in('asked').map(async (seat) => {
    const [type] = await client.ask(
      MessageType.request,
      ...wish(seat.key, seat.application, seat.count),
    );
    if (counted.has(seat.id)) expect(type).toBe(grant);
    else expect([grant, denied] as unknown[]).toContain(type);
    seat.state = type === grant ? 'held' : 'free';
  });
  const releases = book.in('releasing').map(async (seat) => {
    const reply = await client.ask(MessageType.release, seat.key, NO_TICKET);
    expect(reply.slice(0, 1)).toEqual([released]);
    expect(reply[2]).toBe(counted.has(seat.id));
    seat.state = 'free';
  });
  await Promise.all([...retries, ...releases]);
}

function hexOf(id: unknown): string {
  return Buffer.from(id as Uint8Array).toString('hex');
}

/** RLFs of rising sequence, with and without the second code of Big: its limit falls and rises. */
class Pushes {
  readonly #texts: string[];

  private constructor(texts: string[]) {
    this.#texts = texts;
  }

  static async of(place: Site): Promise<Pushes> {
    const verified = await place.json(['rlf', 'verify', place.rlf]);
    const text = await Bun.file(place.rlf).text();
    const vendors = verified['vendors'] as { name: string; key: string }[];
    const writer = new RlfWriter(text, vendors);
    const tokens = [...text.matchAll(/^code = "(.*)"$/gm)].map(([, token = '']) => token);
    const licenses: WrittenLicense[] = tokens.map((token, i) => {
      return { token, allocated: [10, 5, 15][i] ?? 0 };
    });
    const admin = keyFrom(place.file('east/admin.key'));
    const first = Number(verified['sequence']) + 1;
    const texts = Array.from({ length: ROUNDS }, (_, i) => {
      return writer.signed(first + i, i % 2 === 0 ? licenses.slice(0, 2) : licenses, admin);
    });
    return new Pushes(texts);
  }

  /** Replaces the file as a person's editor would, whole, and tells the server. */
  next(server: Server): void {
    const text = this.#texts.shift();
    if (text === undefined) return;
    writeFileSync(`${site.rlf}.new`, text);
    renameSync(`${site.rlf}.new`, site.rlf);
    server.signal('SIGHUP');
  }
}
