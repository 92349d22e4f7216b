/**
 * `lm rlf push` of an RLF of several parts, interrupted at any moment (DESIGN section 9): every server
 * has the RLF of before or the new one, whole, and the same command ends with the new one everywhere.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { signCode } from '../../../src/engine/license/code.ts';
import { readRlf } from '../../../src/engine/license/rlf.ts';
import { RLF_PART_BYTES_MAX } from '../../../src/engine/limits.ts';
import { DEFAULT_CODE } from '../../engine/sample-rlf.ts';
import { Random, runSeed } from '../random.ts';
import { keyFrom, RlfWriter, type WrittenVendor } from '../rlf-writer.ts';
import { PoolSite } from './pool-site.ts';
import { PushProcess } from './push-process.ts';

const SOAK = process.env['LM_SOAK'] === '1';
const ROUNDS = SOAK ? 60 : 5;
const CODES = 600;
const PARTS_MIN = 3;
const FILE = 'large.toml';
const ROUND_MS_MAX = 60_000;
const FAULTS = ['SIGINT', 'SIGKILL', 'cut', 'kill the first', 'kill the leader'] as const;

const site = new PoolSite();
const random = new Random(runSeed());
let write: (sequence: number) => string;
let sequence = 0;

beforeAll(async () => {
  await site.layOut(3, [{ application: 'App', limit: 9 }]);
  const verified = await site.json(['rlf', 'verify', site.rlf]);
  const vendors = verified['vendors'] as WrittenVendor[];
  sequence = Number(verified['sequence']);
  const writer = new RlfWriter(readFileSync(site.rlf, 'utf8'), vendors);
  const vendor = keyFrom(site.file('vendor.key'));
  const admin = keyFrom(site.adminKey);
  const licenses = Array.from({ length: CODES }, (_, at) => {
    const code = { ...DEFAULT_CODE, id: `code-${at}`, application: `App ${at}` };
    return { token: signCode(code, vendor), allocated: null };
  });
  write = (next) => writer.signed(next, licenses.slice(next % 2), admin);
  expect(Buffer.byteLength(write(sequence))).toBeGreaterThan(PARTS_MIN * RLF_PART_BYTES_MAX);
  await site.startAll();
});
afterAll(() => site.close());

const push = (wait: string) => new PushProcess(site, [FILE, '--wait', wait, '--json']);

/** Sequence and digest of what each server that runs has in force. */
async function inForce(): Promise<string[]> {
  const statuses = await Promise.all(
    site.running.map((name) => site.connectTo(name).status({ application: '' })),
  );
  return statuses.flat().map((status) => {
    return JSON.stringify(status instanceof Error ? status.message : status['rlf']);
  });
}

test(
  'a push that is interrupted at any moment leaves no half, and again it is in force everywhere',
  async () => {
    // How long one takes that nobody interrupts.
    writeFileSync(site.file(FILE), write(++sequence));
    const begun = performance.now();
    expect(await push('60s').pushed).toMatchObject({ code: 0 });
    const usualMs = performance.now() - begun;
    let before = readRlf(readFileSync(site.file(FILE), 'utf8'));
    let cutShort = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      const text = write(++sequence);
      writeFileSync(site.file(FILE), text);
      const next = readRlf(text);
      const fault = FAULTS[round % FAULTS.length] ?? 'SIGINT';
      const afterMs = random.next() * 1.1 * usualMs;
      const what = `seed ${random.seed}, round ${round}: ${fault} after ${afterMs.toFixed(0)} ms`;
      const pushing = push('60s');
      await Promise.race([pushing.pushed, new Promise((done) => setTimeout(done, afterMs))]);
      if (!pushing.ended) cutShort++;
      const killed = await strike(fault, pushing);
      const either = [before, next].map(({ sequence: at, digest }) => {
        return JSON.stringify({ sequence: at, digest });
      });
      for (const one of await inForce()) expect([what, either]).toEqual([what, containing(one)]);
      const { code, stderr } = await pushing.pushed;
      const codes = { SIGINT: [0, 130], SIGKILL: [0, 137] }[fault as string] ?? [0];
      expect([what, stderr, codes]).toEqual([what, stderr, containing(code)]);
      if (killed !== null) await site.start(killed);
      const end = performance.now() + ROUND_MS_MAX;
      const again = await push('60s').pushed;
      expect([what, again]).toEqual([what, expect.objectContaining({ code: 0 })]);
      await site.when(
        ({ servers }) => servers.every((one) => one.rlfSequence === sequence),
        what,
        Math.max(1_000, end - performance.now()),
      );
      expect([what, new Set(await inForce())]).toEqual([what, new Set([either[1] ?? ''])]);
      before = next;
    }
    expect(cutShort).toBeGreaterThan(0);
  },
  ROUNDS * ROUND_MS_MAX,
);

const containing = (one: unknown) => expect.arrayContaining([one]);

/** The server that it killed, or null. */
async function strike(
  fault: (typeof FAULTS)[number],
  pushing: PushProcess,
): Promise<string | null> {
  if (fault === 'SIGINT' || fault === 'SIGKILL') {
    if (!pushing.ended) await pushing.interrupt(fault);
    return null;
  }
  if (fault === 'cut') {
    for (const name of site.names) site.network.reset(name);
    return null;
  }
  const leader = fault === 'kill the leader' ? (await site.status())?.leader : null;
  const name = leader ?? site.names[0] ?? 'A';
  await site.kill(name);
  return name;
}
