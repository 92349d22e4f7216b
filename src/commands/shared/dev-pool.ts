/** A whole pool on loopback to try things on: made-up keys, the seed's license, real servers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { LmError } from '../../engine/errors.ts';
import { signCode } from '../../engine/license/code.ts';
import { licenseFileText, readLicenseFile } from '../../engine/license/license-file.ts';
import { addToRlfText, bumpRlfText, signRlfText } from '../../engine/license/rlf-text.ts';
import type { LicenseCode } from '../../engine/license/types.ts';
import { KEY_LIFETIME_MS_DEFAULT, RLF_BYTES_MAX } from '../../engine/limits.ts';
import { readText, writeText } from './files.ts';
import { makeKeyFiles, readSigningKey } from './key-files.ts';
import { ownCommand } from './own-command.ts';
import { layOutPool, type PoolLayout } from './pool-layout.ts';

/** The seed's example: 100 seats, of which A starts with 40 where there are three servers. */
const HARD_LIMIT = 100;
const SEED_DISTRIBUTION = new Map([
  ['A', 40],
  ['B', 30],
  ['C', 30],
]);
const NAMES = 'ABCDEFGHIJK';
const QUIET = ['--log-level', 'warn'];

export interface DevServer {
  readonly name: string;
  readonly process: ChildProcess;
}

/** Whether the server's process still runs. */
export function runs({ process: child }: DevServer): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Makes a pool of `count` servers in `directory`, with an example license in force. */
export async function layOutDevPool(directory: string, count: number): Promise<PoolLayout> {
  const servers = [];
  for (const name of NAMES.slice(0, count)) {
    servers.push({ name, address: `127.0.0.1:${await freePort()}` });
  }
  const layout = await layOutPool(directory, { pool: 'dev', servers, key: null });
  const vendorKey = makeKeyFiles(join(directory, 'vendor.key'));
  const code = exampleCode();
  const file = { vendor: { name: 'Acme', key: vendorKey.publicKey }, code };
  const text = licenseFileText({ ...file, token: signCode(code, vendorKey) });
  writeText(join(directory, 'application.lic'), text);
  const distribution = count === SEED_DISTRIBUTION.size ? SEED_DISTRIBUTION : null;
  const bare = await readText(layout.rlf, { bytesMax: RLF_BYTES_MAX, code: 'bad-data' });
  const added = addToRlfText(bumpRlfText(bare), [{ file: readLicenseFile(text), distribution }]);
  const admin = await readSigningKey(join(directory, 'admin.key'));
  writeText(layout.rlf, signRlfText(added, admin), { replace: true });
  return layout;
}

/** Starts a server and waits until it serves. Its log goes to `onLog`, a chunk at a time. */
export async function startDevServer(
  { name, data }: PoolLayout['servers'][number],
  { rlf, onLog }: { readonly rlf: string; readonly onLog: (text: string) => void },
): Promise<DevServer> {
  const [file = '', ...args] = [...ownCommand(), 'serve', '--data', data, '--rlf', rlf, ...QUIET];
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stderr.setEncoding('utf8').on('data', onLog);
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('ready ')) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => reject(didNotStart(name)));
  });
  return { name, process: child };
}

/** Ends the servers as an operator would, and waits for them. */
export async function stopDevServers(servers: readonly DevServer[]): Promise<void> {
  await Promise.all(
    servers.map(async (server) => {
      const { process: child } = server;
      if (!runs(server)) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      // One that a person stopped (SIGSTOP) ends only once it goes on.
      child.kill('SIGCONT');
      await gone;
    }),
  );
}

function exampleCode(): LicenseCode {
  return {
    id: randomUUID(),
    vendor: 'Acme',
    application: 'Application',
    version: '1.0',
    limit: HARD_LIMIT,
    issuedAt: Date.now(),
    notBefore: null,
    expires: null,
    customer: null,
    keyLifetimeMs: KEY_LIFETIME_MS_DEFAULT,
    commuterDays: 0,
    commuterShare: 0,
    onExpiry: 'stop',
  };
}

function didNotStart(name: string): LmError {
  const hint = 'Its log is above; run lm serve on its data directory to see more.';
  return new LmError('internal', `Server ${name} ended before it served.`, hint);
}

/** A port that nothing listens on now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port'));
        else resolve(address.port);
      });
    });
  });
}
