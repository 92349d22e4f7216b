/**
 * The same seat workload on other people's durable stores, where they are on the PATH: Redis with
 * one Lua script a message and `appendfsync always`, etcd with one transaction a message.
 */
import { mkdirSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { type EtcdNode, startEtcd } from './etcd.ts';
import { runLoad } from './load.ts';
import { type BenchPool, startServer } from './pool.ts';
import { ended, freePort, launch, until } from './processes.ts';

const CONNECTIONS = 64;
const DURATION_MS = 3_000;
const START_MS_MAX = 10_000;

export interface PeerRow {
  readonly name: string;
  readonly rate: number;
  /** The rate of lm in this run, against this one. */
  readonly ratio: number;
  readonly note: string;
}

/** One message after the other on one connection, until told to stop; counts the answers. */
type Worker = (counter: { answered: number; stopped: boolean }) => Promise<void>;

export async function measurePeers(pool: BenchPool): Promise<PeerRow[]> {
  const server = await startServer(pool);
  const load = {
    port: pool.first.port,
    connections: CONNECTIONS,
    depth: 1,
    durationMs: DURATION_MS,
  };
  const { rate } = await runLoad(load);
  await server.stop();
  const rows: PeerRow[] = [{ name: 'lm', rate, ratio: 1, note: 'TLS 1.3' }];
  if (Bun.which('redis-server') !== null) rows.push(await measureRedis(pool, rate));
  if (Bun.which('etcd') !== null) rows.push(await measureEtcd(pool, rate));
  return rows;
}

async function measureRedis({ directory }: BenchPool, lmRate: number): Promise<PeerRow> {
  const port = await freePort();
  const data = join(directory, 'redis');
  mkdirSync(data);
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', data, ...durable];
  const child = launch('redis-server', args, 'ignore');
  try {
    await reachable(port);
    const rate = await measure((counter) => redisWorker(port, counter));
    return { name: 'redis', rate, ratio: lmRate / rate, note: 'plain TCP, appendfsync always' };
  } finally {
    await ended(child);
  }
}

const TAKE = `
if tonumber(redis.call('GET', KEYS[1]) or '0') >= 2000000 then return 0 end
redis.call('INCR', KEYS[1])
redis.call('SET', KEYS[2], '1.0', 'PX', 600000)
return 1`;
const GIVE = `
if redis.call('DEL', KEYS[2]) == 1 then redis.call('DECR', KEYS[1]) return 1 end
return 0`;

async function redisWorker(port: number, counter: Parameters<Worker>[0]): Promise<void> {
  const socket = createConnection({ port, host: '127.0.0.1' });
  while (!counter.stopped) {
    const key = crypto.randomUUID();
    for (const script of [TAKE, GIVE]) {
      socket.write(resp(['EVAL', script, '2', 'in-use', key]));
      await answer(socket);
      counter.answered++;
    }
  }
  socket.destroy();
}

function resp(words: readonly string[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join('')}`;
}

/** The scripts answer with a number, which fits one chunk. */
function answer(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('data', (chunk) => {
      const text = chunk.toString('latin1');
      if (text === ':1\r\n') resolve();
      else reject(new Error(`redis answered ${text}`));
    });
  });
}

async function measureEtcd({ directory }: BenchPool, lmRate: number): Promise<PeerRow> {
  const nodes = await startEtcd(directory, 1);
  const [node] = nodes;
  if (node === undefined) throw new Error('etcd has a node');
  try {
    const rate = await measure((counter) => etcdWorker(node, counter));
    return { name: 'etcd', rate, ratio: lmRate / rate, note: 'its JSON gateway, plain HTTP' };
  } finally {
    await node.end('SIGTERM');
  }
}

async function etcdWorker(node: EtcdNode, counter: Parameters<Worker>[0]): Promise<void> {
  while (!counter.stopped) {
    const key = btoa(`seat/${crypto.randomUUID()}`);
    const take = { requestPut: { key, value: btoa('1.0') } };
    const give = { requestDeleteRange: { key } };
    for (const operation of [take, give]) {
      await node.post('/v3/kv/txn', { compare: [], success: [operation] });
      counter.answered++;
    }
  }
}

async function measure(worker: Worker): Promise<number> {
  const counter = { answered: 0, stopped: false };
  const workers = Array.from({ length: CONNECTIONS }, () => worker(counter));
  await Bun.sleep(DURATION_MS / 5);
  const from = { answered: counter.answered, at: performance.now() };
  await Bun.sleep(DURATION_MS);
  const rate = ((counter.answered - from.answered) * 1_000) / (performance.now() - from.at);
  counter.stopped = true;
  await Promise.all(workers);
  return rate;
}

async function reachable(port: number): Promise<void> {
  await until(`something listens on port ${port}`, START_MS_MAX, () => {
    return new Promise((resolve) => {
      const probe = createConnection({ port, host: '127.0.0.1' });
      probe.once('connect', () => resolve(true)).once('error', () => resolve(false));
      probe.once('connect', () => probe.destroy());
    });
  });
}
