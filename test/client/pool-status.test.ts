/** The status of a whole pool, out of what each server knows; and acts, at the server they name. */
import { expect, test } from 'bun:test';
import { LmError } from '../../src/engine/errors.ts';
import type { StatusDocument } from '../../src/net/client/status.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { generous, type Handler } from './fake-server.ts';
import { clientOf, fake, poolOf } from './harness.ts';
import { failureOf, until } from './until.ts';

const { status, statusPage, act, done, gone, error } = MessageType;

/** Ids of seats, with the seconds that they were had at. */
type Seats = Readonly<Record<string, number>>;

/** Knows its own seats, and who leads. */
const knows =
  (server: string, document: Record<string, unknown>, seats: Seats = {}): Handler =>
  (message, send, peer) => {
    if (message[0] !== status) return generous()(message, send, peer);
    const rows = Object.entries(seats).map(([id, seconds]) => [
      new Uint8Array(16).fill(id.charCodeAt(0)),
      ...['Acme', String(message[2] ?? 'App'), '1.0', 1, server],
      ...['anna', 'host', 1, '::1', seconds * 1_000, 90_000, 'active'],
    ]);
    send([statusPage, message[1], { pool: 'east', ...document, of: server }, rows, null]);
  };

async function view(pool: Awaited<ReturnType<typeof poolOf>>, at: string): Promise<StatusDocument> {
  const client = clientOf(pool.named(at), pool.options);
  const [result] = await client.status({ pool: true, application: 'App' });
  if (result === undefined || result instanceof LmError) throw result ?? new Error('no result');
  return result;
}

const seatsIn = ({ authorizations }: StatusDocument) => {
  return authorizations.map(({ id, server }) => {
    return `${Buffer.from(id, 'base64url').toString('latin1').charAt(0)}@${server}`;
  });
};

test("the document is the leader's, and the seats are those of all servers in order", async () => {
  const pool = await poolOf({
    A: knows('A', { leader: 'B', term: 4 }, { p: 3, q: 1 }),
    B: knows('B', { leader: 'B', term: 4 }, { r: 2 }),
    C: knows('C', { leader: 'B', term: 4 }, { b: 1 }),
  });
  const document = await view(pool, 'A');
  expect(document).toMatchObject({ of: 'B', leader: 'B', unreached: [] });
  expect(document['partial']).toBeUndefined();
  expect(seatsIn(document)).toEqual(['b@C', 'q@A', 'r@B', 'p@A']);
  expect(document.authorizations.map(({ application }) => application)).toEqual(
    Array(4).fill('App'),
  );
});

test('without --pool it is what one server knows, and nobody else is asked', async () => {
  const pool = await poolOf({
    A: knows('A', { leader: 'B' }, { p: 1 }),
    B: knows('B', { leader: 'B' }, { r: 2 }),
  });
  const [document] = await clientOf(pool.named('A'), pool.options).status();
  expect(document).toMatchObject({ of: 'A' });
  expect(pool.named('B').dialled).toBe(0);
});

test('without its leader the view is partial, and names who could not be asked', async () => {
  const pool = await poolOf({
    A: knows('A', { leader: 'B', term: 4 }, { p: 1 }),
    B: knows('B', { leader: 'B', term: 4 }, { r: 2 }),
    C: knows('C', { leader: 'B', term: 4 }, { s: 2 }),
  });
  const client = clientOf(pool.named('A'), pool.options);
  // It learns the names while all are up.
  await client.status();
  await pool.named('B').stop();
  const [document] = await client.status({ pool: true });
  expect(document).toMatchObject({ of: 'A', partial: true, unreached: ['B'] });
  expect(seatsIn(document as StatusDocument)).toEqual(['p@A', 's@C']);
});

test('of two that claim to lead, the one of the newer term does', async () => {
  const pool = await poolOf({
    A: knows('A', { leader: 'A', term: 3 }),
    B: knows('B', { leader: 'B', term: 4 }),
  });
  expect(await view(pool, 'A')).toMatchObject({ of: 'B' });
  const restarted = await poolOf({
    A: knows('A', { leader: 'A', epoch: 2, term: 3 }),
    B: knows('B', { leader: 'B', epoch: 1, term: 4 }),
  });
  expect(await view(restarted, 'B')).toMatchObject({ of: 'A' });
});

test('a server that hangs holds the status up for two seconds, not for five', async () => {
  let now = 0;
  const pool = await poolOf({ A: knows('A', { leader: 'A' }) });
  let taken = 0;
  const socket = { open: () => void taken++, data: () => undefined };
  const mute = Bun.listen({ hostname: '127.0.0.1', port: 0, socket });
  const servers = `${pool.options.servers},127.0.0.1:${mute.port}`;
  const client = clientOf(pool.named('A'), { servers, clock: () => now });
  const asked = client.status({ pool: true });
  await until(() => taken === 1, 'it dialled');
  now += 2_000;
  const [document] = await asked;
  expect(document).toMatchObject({ of: 'A', unreached: [`127.0.0.1:${mute.port}`] });
  mute.stop(true);
});

test('the server that is asked dies meanwhile: the next one tells', async () => {
  const dies: Handler = (message, send, peer) => {
    if (message[0] === status) peer.destroy();
    else generous()(message, send, peer);
  };
  const { named, options } = await poolOf({ A: dies, B: knows('B', { leader: 'B' }) });
  const a = named('A');
  const client = clientOf(a, options);
  await client.serverNow();
  expect(await client.status()).toMatchObject([{ of: 'B' }]);
  expect(a.ofType(status)).toHaveLength(1);
});

const carriesOut: Handler = ([type, sequence, document], send) => {
  if (type !== act) return;
  if (document === 'gone') send([gone, sequence, 'busy', 'Not now.', 'Later.']);
  else if (document === 'error') send([error, sequence, 'not-authorized', 'No.', '', {}]);
  else send([done, sequence, { evicted: document }]);
};

test('an act goes to the server that it names, and comes back with its details', async () => {
  const { named, options } = await poolOf({ A: generous(), B: carriesOut });
  const client = clientOf(named('A'), options);
  expect(await client.serverNow()).toEqual({ pool: 'east', epoch: 0, server: 'A' });
  expect(await client.serverNow('B')).toEqual({ pool: 'east', epoch: 0, server: 'B' });
  const details = await client.act('B', { document: 'x', signature: 's' });
  expect(details).toEqual({ evicted: 'x' });
  expect(named('B').ofType(act)[0]?.slice(2)).toEqual(['x', 's']);
  expect(named('A').ofType(act)).toHaveLength(0);
});

test('why an act was refused is thrown, and so is a server that the pool does not have', async () => {
  const { named, options } = await poolOf({ A: carriesOut });
  const client = clientOf(named('A'), options);
  const failure = (server: string, document: string) =>
    failureOf(client.act(server, { document, signature: '' }));
  expect(await failure('A', 'gone')).toMatchObject({ code: 'busy', message: 'Not now.' });
  expect(await failure('A', 'error')).toMatchObject({ code: 'not-authorized' });
  expect(await failure('Z', 'x')).toMatchObject({ code: 'usage', hint: 'It has A.' });
});

test('an act is for one pool', async () => {
  const [a, b] = [await fake({ handler: generous() }), await fake({ handler: generous() })];
  const client = clientOf(a, { servers: `${a.address};${b.address}` });
  expect(await failureOf(client.serverNow())).toMatchObject({ code: 'usage' });
});
