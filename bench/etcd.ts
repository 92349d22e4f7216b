/** etcd as it comes: its defaults, its JSON gateway, plain HTTP on loopback. */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { ended, freePort, launch, until } from './processes.ts';

const START_MS_MAX = 20_000;
const CALL_MS_MAX = 5_000;

interface Member {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
}

export class EtcdNode {
  readonly url: string;
  readonly #args: readonly string[];
  #child: ChildProcess | null = null;

  constructor(directory: string, { name, clientUrl, peerUrl }: Member, founding: string) {
    this.url = clientUrl;
    const client = ['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl];
    const peer = ['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl];
    const data = ['--data-dir', join(directory, `etcd-${name}`)];
    this.#args = ['--name', name, ...data, ...client, ...peer, '--initial-cluster', founding];
  }

  start(): void {
    this.#child = launch('etcd', this.#args, 'ignore');
  }

  signal(name: 'SIGKILL' | 'SIGSTOP'): void {
    this.#child?.kill(name);
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.#child !== null) await ended(this.#child, signal);
  }

  async post(path: string, body: unknown): Promise<Record<string, unknown>> {
    const init = { method: 'POST', body: JSON.stringify(body) };
    const signal = AbortSignal.timeout(CALL_MS_MAX);
    const reply = await fetch(`${this.url}${path}`, { ...init, signal });
    const answer = (await reply.json()) as Record<string, unknown>;
    if (!reply.ok) throw new Error(`etcd answered ${reply.status}: ${JSON.stringify(answer)}`);
    return answer;
  }

  async put(key: string, value: string): Promise<void> {
    await this.post('/v3/kv/put', { key: btoa(key), value: btoa(value) });
  }

  /** Ids of this member and of the one it follows. Throws where it does not answer. */
  async standing(): Promise<{ readonly own: string; readonly leader: string }> {
    const { header, leader } = await this.post('/v3/maintenance/status', {});
    const { member_id: own } = header as { member_id: string };
    return { own, leader: String(leader ?? '0') };
  }
}

/** Starts a cluster and waits until it takes writes at every node. */
export async function startEtcd(directory: string, size: number): Promise<EtcdNode[]> {
  const members: Member[] = [];
  for (let at = 0; at < size; at++) {
    const [clientPort, peerPort] = [await freePort(), await freePort()];
    members.push({
      name: `e${at}`,
      clientUrl: `http://127.0.0.1:${clientPort}`,
      peerUrl: `http://127.0.0.1:${peerPort}`,
    });
  }
  const founding = members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
  const nodes = members.map((member) => new EtcdNode(directory, member, founding));
  for (const node of nodes) node.start();
  await etcdWhole(nodes);
  return nodes;
}

/** Every node follows one leader, and takes writes. */
export async function etcdWhole(nodes: readonly EtcdNode[]): Promise<void> {
  await until('an etcd whose nodes are all up', START_MS_MAX, async () => {
    try {
      const standings = await Promise.all(nodes.map((node) => node.standing()));
      const [first] = standings;
      const isOne = standings.every(({ leader }) => leader !== '0' && leader === first?.leader);
      if (isOne) await Promise.all(nodes.map((node) => node.put('whole', '1')));
      return isOne;
    } catch {
      return false;
    }
  });
}
