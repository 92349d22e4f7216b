/** Trust (DESIGN section 9): what may vouch for a server, and every way in which it does not. */
import { afterEach, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCard } from '../../src/engine/license/card.ts';
import { signRlfText } from '../../src/engine/license/rlf-text.ts';
import { keyId } from '../../src/engine/seat-key.ts';
import { resolveTrust, resolveVendorKey } from '../../src/net/client/trust.ts';
import { createIdentity } from '../../src/net/identity.ts';
import { MessageType } from '../../src/net/protocol.ts';
import { Prover } from '../../src/net/prover.ts';
import { ADMIN, STRANGER, failureOf as thrownBy, unsignedRlf, VENDOR } from '../license/samples.ts';
import { type FakeServer, generous, type Handler } from './fake-server.ts';
import { clientOf, fake } from './harness.ts';
import { failureOf } from './until.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'lm-trust-'));
  folders.push(path);
  return path;
}

const PIN = `sha256:${'a'.repeat(64)}`;
const OTHER_PIN = `sha256:${'b'.repeat(64)}`;

function cardText(changes: Partial<Parameters<typeof makeCard>[0]> = {}): string {
  const servers = [{ name: 'A', address: '127.0.0.1:5930', fingerprint: PIN }];
  return makeCard({ pool: 'cad-east', servers, sequence: 2, epoch: 1, ...changes }, ADMIN);
}

/** The RLF of a pool whose server is this fake, signed by the administrator. */
function rlfOf(server: FakeServer, key = ADMIN): string {
  const text = unsignedRlf({ servers: ['A'], licenses: [{}] });
  const named = text.replace(/fingerprint = "[^"]*"/, `fingerprint = "${server.fingerprint}"`);
  return signRlfText(named, key);
}

/** Grants the license of the samples, hands out the RLF, and proves what it granted. */
function poolServer(rlf: () => string, tamper: (claims: object) => object = (claims) => claims) {
  const keyPem: { text: string } = { text: '' };
  const handler: Handler = (message, send, peer) => {
    const [type, sequence, key, nonce] = message;
    if (type === MessageType.rlfGet) send([MessageType.rlf, sequence, rlf()]);
    else if (type === MessageType.request) {
      const license = ['Acme', 'Application', '1.0', 1, 1];
      send([MessageType.grant, sequence, new Uint8Array(16), 60_000, ...license]);
    } else if (type === MessageType.prove) {
      const base64url = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString('base64url');
      const claims = {
        nonce: base64url(nonce),
        id: base64url(keyId(key as Uint8Array)),
        ...{ vendor: 'Acme', application: 'Application', version: '1.0', count: 1 },
        ...{ server: 'A', pool: 'cad-east', iat: 1, exp: 2 },
      };
      const jws = new Prover(keyPem.text).prove(tamper(claims) as typeof claims);
      send([MessageType.proof, sequence, jws]);
    } else generous()(message, send, peer);
  };
  return { handler, keyPem };
}

async function startPool(tamper?: (claims: object) => object, rlfSigner = ADMIN) {
  let server: FakeServer | null = null;
  const rlf = () => (server === null ? '' : rlfOf(server, rlfSigner));
  const { handler, keyPem } = poolServer(rlf, tamper);
  server = await fake({ handler, pool: 'cad-east', welcome: { epoch: 0 } });
  keyPem.text = server.identity.keyPem;
  return server;
}

describe('where trust comes from', () => {
  test('a card, several cards, and a folder of cards', () => {
    const at = folder();
    mkdirSync(join(at, 'pools'));
    writeFileSync(join(at, 'west.pool'), cardText({ pool: 'cad-west' }));
    writeFileSync(join(at, 'pools', 'b.pool'), cardText({ pool: 'b' }));
    writeFileSync(join(at, 'pools', 'a.pool'), cardText({ pool: 'a' }));
    writeFileSync(join(at, 'pools', 'notes.txt'), 'no card');
    const pool = `${join(at, 'west.pool')};${join(at, 'pools')}`;
    const pools = resolveTrust({}, { LM_POOL: pool });
    expect(pools.map((one) => one.pool)).toEqual(['cad-west', 'a', 'b']);
    expect(pools[0]).toMatchObject({
      admin: ADMIN.publicKey,
      pins: [PIN],
      sequence: 2,
      epoch: 1,
      targets: [{ server: 'A', address: { host: '127.0.0.1', port: 5930 } }],
    });
  });

  test('servers by name: one pool by commas, several by semicolons, IPv6 in brackets', () => {
    const env = { LM_SERVERS: 'a.example,b.example:6000;[2001:db8::1]:7000', LM_TRUST: PIN };
    const pools = resolveTrust({}, env);
    expect(pools.map(({ targets }) => targets.map(({ address }) => address))).toEqual([
      [
        { host: 'a.example', port: 5930 },
        { host: 'b.example', port: 6000 },
      ],
      [{ host: '2001:db8::1', port: 7000 }],
    ]);
    expect(pools.map(({ pins }) => pins)).toEqual([[PIN], [PIN]]);
  });

  test('trust for each pool, an admin key or fingerprints', () => {
    const env = { LM_SERVERS: 'a;b', LM_TRUST: `${ADMIN.publicKey};${PIN},${OTHER_PIN}` };
    const [first, second] = resolveTrust({}, env);
    expect([first?.admin, first?.pins]).toEqual([ADMIN.publicKey, []]);
    expect([second?.admin, second?.pins]).toEqual([null, [PIN, OTHER_PIN]]);
  });

  test('what is named by a flag comes before what the environment names', () => {
    const env = { LM_POOL: '/nowhere', LM_SERVERS: 'b', LM_TRUST: PIN };
    expect(resolveTrust({ servers: 'a' }, env)[0]?.source).toBe('a');
    expect(thrownBy(() => resolveTrust({ pool: '/else' }, env)).message).toContain('/else');
  });

  test.each([
    ['no trust for servers named by hand', { LM_SERVERS: 'a' }],
    ['trust that is none', { LM_SERVERS: 'a', LM_TRUST: 'sha256:12' }],
    ['trust for another number of pools', { LM_SERVERS: 'a', LM_TRUST: `${PIN};${PIN}` }],
    ['no server in the list', { LM_SERVERS: ' ; ', LM_TRUST: PIN }],
    ['a card that is not there', { LM_POOL: '/nowhere/x.pool' }],
  ])('%s: config', (_, env) => {
    expect(thrownBy(() => resolveTrust({}, env)).code).toBe('config');
  });

  test('a card that was tampered with is named', () => {
    const path = join(folder(), 'east.pool');
    writeFileSync(path, cardText().replace('cad-east', 'cad-west'));
    const failure = thrownBy(() => resolveTrust({ pool: path }, {}));
    expect(failure.code).toBe('bad-data');
    expect(failure.message).toContain(path);
  });

  test('a vendor key that is none: config', () => {
    expect(thrownBy(() => resolveVendorKey({ vendorKey: 'x' }, {})).code).toBe('config');
    expect(resolveVendorKey({}, { LM_VENDOR_KEY: VENDOR.publicKey })).toBe(VENDOR.publicKey);
    expect(resolveVendorKey({}, {})).toBeNull();
  });
});

describe('the admin key as anchor', () => {
  test('accepts a server that an RLF by this key names', async () => {
    const server = await startPool();
    const client = clientOf(server, { trust: ADMIN.publicKey });
    const seat = await client.request({ application: 'Application' });
    expect([seat.valid, seat.verified]).toEqual([true, false]);
  });

  test('refuses an RLF of another administrator, and sends no request', async () => {
    const server = await startPool();
    const client = clientOf(server, { trust: STRANGER.publicKey });
    const failure = await failureOf(client.request({ application: 'Application' }));
    expect(failure).toMatchObject({ code: 'untrusted' });
    expect(server.ofType(MessageType.request)).toHaveLength(0);
  });

  test('refuses a server whose TLS key the RLF does not name', async () => {
    const named = await startPool();
    const impostor = await fake({
      handler: poolServer(() => rlfOf(named)).handler,
      pool: 'cad-east',
      identity: await createIdentity('A'),
    });
    const client = clientOf(impostor, { trust: ADMIN.publicKey });
    const failure = await failureOf(client.request({ application: 'Application' }));
    expect(failure).toMatchObject({ code: 'untrusted' });
    expect(impostor.ofType(MessageType.request)).toHaveLength(0);
  });

  test('refuses an RLF that was changed after it was signed', async () => {
    let server: FakeServer | null = null;
    const changed = () =>
      server === null ? '' : rlfOf(server).replace('sequence = 1', 'sequence = 7');
    server = await fake({ handler: poolServer(changed).handler, pool: 'cad-east' });
    const client = clientOf(server, { trust: ADMIN.publicKey });
    expect(await failureOf(client.request({ application: 'Application' }))).toMatchObject({
      code: 'bad-data',
    });
  });
});

describe('the card as anchor', () => {
  async function withCard(server: FakeServer, changes: Partial<Parameters<typeof makeCard>[0]>) {
    const path = join(folder(), 'east.pool');
    const { address, fingerprint } = server;
    const servers = [{ name: 'A', address, fingerprint }];
    writeFileSync(path, cardText({ servers, sequence: 1, epoch: 0, ...changes }));
    return { pool: path, servers: undefined, trust: undefined };
  }

  test('another pool at the address: untrusted', async () => {
    const server = await fake({ handler: generous(), pool: 'cad-west' });
    const client = clientOf(server, await withCard(server, {}));
    expect(await failureOf(client.request({ application: 'App' }))).toMatchObject({
      code: 'untrusted',
    });
  });

  test.each([
    ['an older RLF than the card knows', { sequence: 5 }],
    ['an older epoch than the card knows', { epoch: 3 }],
  ])('%s: untrusted', async (_, changes) => {
    const server = await fake({ handler: generous(), pool: 'cad-east' });
    const client = clientOf(server, await withCard(server, changes));
    expect(await failureOf(client.request({ application: 'App' }))).toMatchObject({
      code: 'untrusted',
      details: { rlfSequence: 1 },
    });
  });

  test('an older RLF than this user has seen: untrusted, even with an older card', async () => {
    const env = { XDG_STATE_HOME: folder() };
    const newer = await fake({
      handler: generous(),
      pool: 'cad-east',
      welcome: { rlfSequence: 9 },
    });
    const first = clientOf(newer, { ...(await withCard(newer, {})), env });
    expect((await first.request({ application: 'App' })).valid).toBe(true);
    const older = await fake({
      handler: generous(),
      pool: 'cad-east',
      welcome: { rlfSequence: 8 },
    });
    const second = clientOf(older, { ...(await withCard(older, {})), env });
    expect(await failureOf(second.request({ application: 'App' }))).toMatchObject({
      code: 'untrusted',
    });
  });

  test('a state folder that can not be written to is no reason to refuse', async () => {
    const server = await fake({ handler: generous(), pool: 'cad-east' });
    const env = { XDG_STATE_HOME: '/dev/null/nowhere' };
    const client = clientOf(server, { ...(await withCard(server, {})), env });
    expect((await client.request({ application: 'App' })).valid).toBe(true);
  });
});

describe('the vendor key', () => {
  const verifying = { vendorKey: VENDOR.publicKey };

  test('the chain and the proof hold: verified', async () => {
    const server = await startPool();
    const seat = await clientOf(server, verifying).request({ application: 'Application' });
    expect(seat.verified).toBe(true);
    expect(server.ofType(MessageType.request)[0]?.[3]).toBe('Acme');
  });

  test('a pool without a code by this key: untrusted', async () => {
    const server = await startPool();
    const client = clientOf(server, { vendorKey: STRANGER.publicKey });
    expect(await failureOf(client.request({ application: 'Application' }))).toMatchObject({
      code: 'untrusted',
    });
    expect(server.ofType(MessageType.request)).toHaveLength(0);
  });

  test.each([
    ['another nonce', { nonce: 'AAAA' }],
    ['another seat', { id: 'AAAA' }],
    ['another application', { application: 'Other' }],
    ['another vendor', { vendor: 'Other' }],
    ['a higher version', { version: '2.0' }],
    ['more seats', { count: 2 }],
    ['no end', { exp: undefined }],
  ])('a proof with %s: untrusted, and the seat is given back', async (_, changes) => {
    const server = await startPool((claims) => ({ ...claims, ...changes }));
    const client = clientOf(server, verifying);
    expect(await failureOf(client.request({ application: 'Application' }))).toMatchObject({
      code: 'untrusted',
    });
    await client.close();
    expect(server.ofType(MessageType.release)).toHaveLength(1);
  });

  test('a proof by another key: untrusted', async () => {
    let server: FakeServer | null = null;
    const { handler, keyPem } = poolServer(() => (server === null ? '' : rlfOf(server)));
    server = await fake({ handler, pool: 'cad-east' });
    keyPem.text = (await createIdentity('B')).keyPem;
    const client = clientOf(server, verifying);
    expect(await failureOf(client.request({ application: 'Application' }))).toMatchObject({
      code: 'untrusted',
    });
  });

  test('what is remembered names no pool in clear text', async () => {
    const state = folder();
    const server = await startPool();
    const client = clientOf(server, { ...verifying, env: { XDG_STATE_HOME: state } });
    await client.request({ application: 'Application' });
    const [name = ''] = new Bun.Glob('lm/seen/*.json').scanSync(state);
    expect(name).toMatch(/^lm\/seen\/[0-9a-f]{32}\.json$/);
    expect(JSON.parse(readFileSync(join(state, name), 'utf8'))).toEqual({ sequence: 1, epoch: 0 });
  });
});
