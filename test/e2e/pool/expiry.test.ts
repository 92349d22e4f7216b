/**
 * Licenses that end while a pool of three real servers works (DESIGN sections 6 and 9): at their
 * time, at all servers, for good, and not without a warning.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import type { Authorization, LmError, Seat } from '../../../src/net/client/index.ts';
import { until } from '../../client/until.ts';
import type { Ran } from '../../commands/run-lm.ts';
import { Program } from '../program.ts';
import { LIFETIME_MS } from './holder.ts';
import type { PoolStatus } from './pool-site.ts';
import { ClockSite } from './set-clock.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Long enough to lay out the pool, to start it, and to have its seats. */
const AHEAD_MS = 50_000;
/** A whole pool is restarted meanwhile, on a machine that has other things to do. */
const FINISH_LIFETIME_MS = 60_000;
const SCRIPT = `trap "echo asked to end; exit 3" TERM
echo up; until [ -e enough ]; do sleep 0.1; done; exit 7`;

const site = new ClockSite();
/** When Stop and Finish end; the others go by it. */
let end = 0;

beforeAll(async () => {
  await site.buildShifted();
  end = 1_000 * Math.ceil((Date.now() + AHEAD_MS) / 1_000);
  const until = (ms: number) => ['--expires', new Date(ms).toISOString()];
  const code = (application: string, limit: number, ...terms: readonly string[]) => {
    const ms = application === 'Finish' ? FINISH_LIFETIME_MS : LIFETIME_MS;
    return { application, limit, terms: ['--key-lifetime', `${ms}ms`, ...terms] };
  };
  await site.layOut(3, [
    { ...code('Stop', 6, ...until(end)), distribution: 'A=2,B=2,C=2' },
    { ...code('Finish', 6, ...until(end), '--on-expiry', 'finish'), distribution: 'A=2,B=2,C=2' },
    code('Month', 3, ...until(end + 30 * DAY_MS)),
    code('Week', 2, ...until(end + 7 * DAY_MS)),
    code('Week', 1),
    code('Day', 3, ...until(end + DAY_MS)),
    code('Later', 3, ...until(end + 31 * DAY_MS)),
  ]);
  await site.startAll();
}, 150_000);
afterAll(() => site.close());

/** A seat of an application of the library, at this server, and what it was told. */
interface Held {
  readonly seat: Seat;
  readonly lost: { readonly code: string; readonly at: number }[];
  readonly denied: string[];
}

async function hold(application: string, server: string): Promise<Held> {
  const seat = await seatAt(application, server);
  const held: Held = { seat, lost: [], denied: [] };
  seat.on('lost', ({ code }) => held.lost.push({ code, at: Date.now() }));
  seat.on('denied', ({ code }) => held.denied.push(code));
  return held;
}

/**
 * A server that can't issue yet, such as one just started, sends a client on to the next; and there
 * that client stays.
 */
async function seatAt(application: string, server: string): Promise<Seat> {
  for (let left = 50; left > 0; left--) {
    const client = site.connectTo(server);
    const seat = await client.request({ application });
    if (seat.server === server) return seat;
    await client.close();
    await Bun.sleep(100);
  }
  throw new Error(`server ${server} issues no seat of ${application}`);
}

/** How to speak to this server first. */
function at(server: string): string[] {
  const trust = readFileSync(`${site.adminKey}.pub`, 'utf8').trim();
  return ['--servers', `127.0.0.1:${site.place(server).port}`, '--trust', trust];
}

async function run(application: string, server: string): Promise<Program> {
  const program = new Program(site, SCRIPT, ['--app', application, ...at(server)]);
  await program.says('up');
  return program;
}

const asked = (application: string, server: string): Promise<Ran> => {
  return site.lm(['request', application, ...at(server), '--json']);
};

/** Each server refuses both licenses, and says why. */
async function expectOverEverywhere(): Promise<void> {
  for (const name of site.running) {
    for (const application of ['Stop', 'Finish']) {
      const { code, stdout } = await asked(application, name);
      const said = JSON.parse(stdout) as { error: unknown };
      const message = `The license for ${application} 1.0 expired on ${iso(end)}.`;
      expect({ name, code, ...said }).toMatchObject({
        ...{ name, code: 77 },
        error: { code: 'expired', message, expired: iso(end) },
      });
    }
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function licenseIn({ licenses }: PoolStatus, application: string): Record<string, unknown> {
  const found = licenses.find((license) => license.application === application);
  return { ...found };
}

/** What the log of a server says of licenses that end soon, in order. */
function warnings(server: string): unknown[][] {
  const said = site.server(server).log.filter(({ message }) => {
    return message === 'seats of a license end soon';
  });
  for (const { level } of said) expect(level).toBe('warn');
  return said.map(({ application, days, left }) => [application, days, left]);
}

/** Those who hold Finish to the end of the tests. */
let finishing: Held[] = [];
let program: Program;

test('at its time, at all servers; `stop` ends who runs, `finish` lets them run on', async () => {
  const stopping = await Promise.all(site.names.map((name) => hold('Stop', name)));
  const stopped = await Promise.all(site.names.map((name) => run('Stop', name)));
  finishing = await Promise.all(site.names.map((name) => hold('Finish', name)));
  program = await run('Finish', 'B');
  const waiting = site.connectTo('C').request({ application: 'Stop', waitMs: 2 * AHEAD_MS });
  const waited = waiting.then(
    () => ({ code: 'granted', at: Date.now() }),
    ({ code }: LmError) => ({ code, at: Date.now() }),
  );
  const before = await site.when((status) => {
    return licenseIn(status, 'Stop')['waiting'] === 1;
  }, 'one waits for a seat of Stop');
  expect(licenseIn(before, 'Stop')).toMatchObject({ hardLimit: 6, inUse: 6 });
  // Two of the three crossed nothing yet: they are not 30, 7, or 1 days ahead.
  for (const name of site.names) {
    expect(warnings(name).sort()).toEqual([
      ['Day', 2, 0],
      ['Finish', 1, 0],
      ['Stop', 1, 0],
      ['Week', 8, 1],
    ]);
  }
  expect(Date.now()).toBeLessThan(end);

  const told = await waited;
  expect(told).toEqual({ code: 'expired', at: expect.any(Number) });
  expect(told.at).toBeGreaterThanOrEqual(end);
  await expectOverEverywhere();
  const isLost = () => stopping.every(({ lost }) => lost.length > 0);
  await until(isLost, 'each holder of Stop heard of it', LIFETIME_MS);
  for (const { lost, seat } of stopping) {
    expect(lost.map(({ code }) => code)).toEqual(['expired']);
    expect(lost[0]?.at).toBeGreaterThanOrEqual(end);
    expect(seat.valid).toBe(false);
  }
  for (const { code, stdout, stderr } of await Promise.all(stopped.map((one) => one.end()))) {
    expect({ code, stdout }).toEqual({ code: 79, stdout: 'up\nasked to end\n' });
    expect(stderr).toContain(`The license for Stop 1.0 expired on ${iso(end)}.`);
  }
  const isDenied = () => stopping.every(({ denied }) => denied.includes('expired'));
  await until(isDenied, 'and is refused another one', LIFETIME_MS);
  await expectRenewed(end);
  const status = await site.when(({ authorizations }) => {
    return authorizations.every(({ application }) => application !== 'Stop');
  }, 'the seats of Stop are back');
  expect(licenseIn(status, 'Stop')).toMatchObject({ hardLimit: 0, inUse: 0, available: 0 });
  expect(licenseIn(status, 'Finish')).toMatchObject({ hardLimit: 0, inUse: 4, deficit: 4 });
}, 150_000);

/** Those who hold Finish were heard after this time, and never lost it. */
async function expectRenewed(since: number): Promise<void> {
  const isRenewed = ({ seat }: Held) => seat.expiresAt.getTime() > since + FINISH_LIFETIME_MS;
  const isEach = () => finishing.every((held) => isRenewed(held) || held.lost.length > 0);
  await until(isEach, 'each seat of Finish was renewed', FINISH_LIFETIME_MS);
  for (const { lost, seat } of finishing) expect([lost, seat.valid]).toEqual([[], true]);
  expect(program.child.exitCode).toBeNull();
}

test('it was said 30, 7 and 1 days before, in the log of each server and in the status', async () => {
  for (const name of site.names) {
    // One time of the ledger brought all three of them.
    expect(warnings(name).slice(4).sort()).toEqual([
      ['Day', 1, 0],
      ['Month', 30, 0],
      ['Week', 7, 1],
    ]);
  }
  const status = await site.serves();
  const expiring = (application: string) => licenseIn(status, application)['expiring'];
  expect(expiring('Day')).toEqual({ at: iso(end + DAY_MS), days: 1, left: 0 });
  expect(expiring('Week')).toEqual({ at: iso(end + 7 * DAY_MS), days: 7, left: 1 });
  expect(expiring('Month')).toEqual({ at: iso(end + 30 * DAY_MS), days: 30, left: 0 });
  expect([expiring('Later'), expiring('Stop'), expiring('Finish')]).toEqual([null, null, null]);
  const { stdout } = await site.client(['status']);
  const headings = stdout.split('\n').filter((line) => line.startsWith('Acme: '));
  const endOf = (application: string) => {
    const line = headings.find((one) => one.startsWith(`Acme: ${application} `));
    return line?.match(/(ENDS|ONLY).*(DAYS|A DAY)/)?.[0] ?? null;
  };
  expect(['Day', 'Week', 'Month', 'Later', 'Stop'].map(endOf)).toEqual([
    'ENDS WITHIN A DAY',
    'ONLY 1 SEATS WITHIN 7 DAYS',
    'ENDS WITHIN 30 DAYS',
    null,
    null,
  ]);
});

test('a server that dies takes no seat of `finish` along: the others take it over', async () => {
  await site.kill('C');
  const isClaimed = ({ authorizations }: PoolStatus) => {
    const seats = authorizations.filter(({ application }) => application === 'Finish');
    return seats.length === 4 && seats.every(({ server }) => server !== 'C');
  };
  await site.when(isClaimed, 'the seat at C is claimed', FINISH_LIFETIME_MS);
  await expectRenewed(end);
  await expectOverEverywhere();
}, 120_000);

test('servers whose clocks were set back do not revive it', async () => {
  for (const name of site.running) expect(await site.stop(name)).toBe(0);
  const downAt = Date.now();
  await Promise.all(site.names.map((name) => site.startShifted(name, -2 * HOUR_MS)));
  await site.serves();
  const other = await hold('Later', 'A');
  const status = await site.when(({ authorizations }) => {
    return authorizations.some(({ id }) => id === other.seat.id);
  }, 'a seat of another license is there');
  const ofOther = ({ id }: Authorization) => id === other.seat.id;
  const since = Date.parse(status.authorizations.find(ofOther)?.since ?? '');
  // So their clocks are indeed behind the end of the license.
  expect(since).toBeLessThan(end - HOUR_MS);
  expect(licenseIn(status, 'Stop')).toMatchObject({ hardLimit: 0, available: 0 });
  await expectOverEverywhere();
  await expectRenewed(downAt);
  for (const name of site.names) {
    expect(warnings(name).sort()).toEqual([
      ['Day', 1, 0],
      ['Month', 30, 0],
      ['Week', 7, 1],
    ]);
  }
}, 180_000);

test('a leader whose clock alone is ahead ends no license', async () => {
  for (const name of site.running) expect(await site.stop(name)).toBe(0);
  const ahead = { A: 0, B: 0, C: 40 * DAY_MS };
  await Promise.all(Object.entries(ahead).map(([name, ms]) => site.startShifted(name, ms)));
  const { leader } = await site.serves();
  if (leader !== 'C') {
    await site.ok(['leader', 'transfer', 'C', '--admin-key', site.adminKey], { env: site.env });
  }
  await site.when((status) => status.leader === 'C', 'C leads');
  await site.serves();
  for (const name of site.names) {
    const { seat } = await hold('Day', name);
    expect(await seat.release()).toBe(true);
  }
  const status = await site.serves();
  expect(licenseIn(status, 'Later')).toMatchObject({ hardLimit: 3, expiring: null });
}, 120_000);

test('who may finish ends when it likes; its seat is nobody’s then', async () => {
  await expectRenewed(end);
  await site.write('enough', '');
  expect(await program.end()).toEqual({ code: 7, stdout: 'up\n', stderr: '' });
  for (const { seat } of finishing) expect(await seat.release()).toBe(true);
  const over = { hardLimit: 0, inUse: 0, available: 0, deficit: 0 };
  // What was in use pays the deficit as it comes back, by entries of the ledger.
  const isOver = (status: PoolStatus) => {
    const license = licenseIn(status, 'Finish');
    return Object.entries(over).every(([name, count]) => license[name] === count);
  };
  await site.when(isOver, 'all seats of Finish are back, and nobody has them');
  await expectOverEverywhere();
}, 120_000);
