/** Fakes and clients that end with their test. */
import { afterEach } from 'bun:test';
import { type ClientOptions, LicenseClient } from '../../src/net/client/license-client.ts';
import { type FakeOptions, FakeServer, type Handler } from './fake-server.ts';
import { until } from './until.ts';

const servers: FakeServer[] = [];
const clients: LicenseClient[] = [];
afterEach(async () => {
  // Clients first: without a server they would wait a while to give their seats back.
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

export async function fake(options: FakeOptions): Promise<FakeServer> {
  const server = await FakeServer.start(options);
  servers.push(server);
  return server;
}

export function clientOf(server: FakeServer, options: ClientOptions = {}): LicenseClient {
  const client = new LicenseClient({ env: {}, tickMs: 20, ...server.trust, ...options });
  clients.push(client);
  return client;
}

/**
 * One pool of fakes, by name in list order. Each welcomes with the list, so that clients learn the
 * names; `options` connects to them in this order.
 */
export async function poolOf(handlers: Readonly<Record<string, Handler>>) {
  const listed: [string, string, string][] = [];
  const servers = new Map<string, FakeServer>();
  for (const [name, handler] of Object.entries(handlers)) {
    const server = await fake({ name, handler, welcome: { servers: listed } });
    listed.push([name, server.address, server.fingerprint]);
    servers.set(name, server);
  }
  const named = (name: string) => {
    const server = servers.get(name);
    if (server === undefined) throw new Error(`the pool has no server ${name}`);
    return server;
  };
  const addresses = listed.map(([, address]) => address).join(',');
  return { named, listed, options: { servers: addresses } };
}

/** A boot-time clock that runs with the real one and can be put forward. */
export function movableClock() {
  const start = performance.now();
  let ahead = 0;
  let looks = 0;
  let stopped: number | null = null;
  const now = () => stopped ?? performance.now() - start + ahead;
  return {
    clock: () => {
      looks++;
      return now();
    },
    /** From here on nothing is due any more. */
    stop: () => {
      stopped = now();
    },
    /** Until the client has looked at the clock a few more times, and so had the chance to act. */
    passing: async () => {
      const enough = looks + 12;
      await until(() => looks >= enough, 'the clock was looked at');
    },
    advance: (ms: number) => {
      ahead += ms;
    },
  };
}
