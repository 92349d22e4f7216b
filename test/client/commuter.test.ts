/** A commuter's time, and what it is told by (DESIGN section 10). */
import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LmError } from '../../src/engine/errors.ts';
import { CommuterClock, clockPath } from '../../src/net/client/commuter/clock.ts';
import {
  type CommuterFile,
  readCommuterFile,
  writeCommuterFile,
} from '../../src/net/client/commuter/file.ts';
import { machineFingerprint } from '../../src/net/client/commuter/fingerprint.ts';
import { hasMachineId } from '../e2e/machine-id.ts';

const folder = mkdtempSync(join(tmpdir(), 'lm-commuter-'));
afterAll(() => rmSync(folder, { recursive: true }));

const HOUR = 3_600_000;
const ISSUED = Date.UTC(2026, 0, 15);
let files = 0;

/** A machine whose clocks the test moves, and a seat's clock on it. */
function machine() {
  const file = join(folder, `${++files}.seat`);
  const now = { boot: 1_000, wall: ISSUED, name: 'first start' };
  const open = () => {
    const { name } = now;
    return new CommuterClock(file, ISSUED, { boot: () => now.boot, wall: () => now.wall, name });
  };
  const pass = (ms: number) => {
    now.boot += ms;
    now.wall += ms;
  };
  return { file, now, open, pass };
}

function refusal(read: () => unknown): string | null {
  try {
    read();
    return null;
  } catch (error) {
    if (error instanceof LmError) return String(error.details['reason'] ?? error.code);
    throw error;
  }
}

describe('the time of a commuted seat', () => {
  test('is that of the wall clock while nobody sets it', () => {
    const { open, pass } = machine();
    const clock = open();
    pass(5 * HOUR);
    expect(clock.read()).toBe(ISSUED + 5 * HOUR);
    clock.keep();
    pass(HOUR);
    expect(open().read()).toBe(ISSUED + 6 * HOUR);
  });

  test('is refused before the pool signed, beyond what clocks may differ by', () => {
    const { open, now } = machine();
    now.wall = ISSUED - HOUR;
    expect(open().read()).toBe(ISSUED);
    now.wall -= 1;
    expect(refusal(() => open().read())).toBe('clock-set-back');
  });

  test('goes on by the boot-time clock where the wall clock is set back', () => {
    const { open, now, pass } = machine();
    const clock = open();
    clock.read();
    for (let times = 0; times < 3; times++) {
      pass(10 * HOUR);
      now.wall -= HOUR / 4;
      // The boot-time clock may be a hundredth slow.
      expect(clock.read()).toBeGreaterThanOrEqual(ISSUED + (times + 1) * 10 * HOUR * 0.99);
    }
    now.wall -= HOUR;
    expect(refusal(() => clock.read())).toBe('clock-set-back');
  });

  test('does not fall when the machine is started anew', () => {
    const { open, now, pass } = machine();
    const clock = open();
    pass(48 * HOUR);
    clock.read();
    clock.keep();
    now.name = 'second start';
    now.boot = 10;
    now.wall -= HOUR / 2;
    expect(open().read()).toBe(ISSUED + 48 * HOUR);
    now.wall -= HOUR;
    expect(refusal(() => open().read())).toBe('clock-set-back');
  });

  test('is kept as the latest of several that look at once', () => {
    const { open, now, pass, file } = machine();
    const [early, late] = [open(), open()];
    early.read();
    pass(HOUR);
    late.read();
    late.keep();
    early.keep();
    expect(JSON.parse(readFileSync(clockPath(file), 'utf8'))).toMatchObject({ judged: now.wall });
  });

  test('that was tampered with is refused by name', () => {
    for (const text of ['', '{}', 'null', '{"judged":-1,"name":null,"boot":0}', '[1]']) {
      const { open, file } = machine();
      writeFileSync(clockPath(file), text);
      expect({ text, code: refusal(open) }).toEqual({ text, code: 'bad-data' });
    }
  });
});

describe('the file', () => {
  test('comes back in every phase as it was written', () => {
    const key = new Uint8Array(16).fill(5);
    const wish = { application: 'App', version: null, vendor: 'Acme', count: 2, days: 3 };
    const over = { key, pool: 'east', application: 'App', index: 7 } as const;
    const phases: CommuterFile[] = [
      { phase: 'pending', key, wish },
      { phase: 'valid', key, token: 'a.b.c', rlf: 'sequence = 1' },
      { phase: 'disabled', ...over },
      { phase: 'returned', ...over, pool: null, index: null },
    ];
    const path = join(folder, 'phases.seat');
    for (const file of phases) {
      writeCommuterFile(path, file);
      const { key: read, ...rest } = readCommuterFile(path) ?? { key: null };
      const { key: _, ...expected } = file;
      expect({ rest, key: [...(read ?? [])] }).toEqual({ rest: expected as never, key: [...key] });
    }
    expect(readCommuterFile(join(folder, 'none'))).toBeNull();
    expect(refusal(() => writeCommuterFile(path, phases[0] as CommuterFile, true))).toBe('config');
  });
});

test.skipIf(!hasMachineId)('a fingerprint is the same each time, and not the id itself', () => {
  const fingerprint = machineFingerprint();
  expect(fingerprint).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(machineFingerprint()).toBe(fingerprint);
});
