import pjson from '../../package.json' with { type: 'json' };
import { LmError } from '../engine/errors.ts';
import type { Rlf } from '../engine/license/types.ts';
import type { LicenseServer } from '../net/license-server.ts';
import { createLog, LOG_LEVELS, type Log, type LogLevel } from '../net/log.ts';
import { BaseCommand } from './shared/base-command.ts';
import { parseListen } from './shared/listen-address.ts';
import { Flags } from './shared/oclif.ts';
import { readRlfFile } from './shared/rlf-files.ts';
import { serverTable } from './shared/rlf-template.ts';

export default class Serve extends BaseCommand {
  static override readonly summary = 'Run a license server';
  static override readonly description =
    `Serves the licenses of a pool from a prepared data directory (lm pool init makes them), until
SIGTERM or SIGINT. Prints one line on standard output once it serves, and logs on standard error:
JSON lines, or plain ones on a terminal.

An RLF given with --rlf is an offer: it is put in force if its sequence is higher than that of the
RLF in force. SIGHUP reads the file again. Needs no root.

A server that was prepared by lm server new joins the pool of that RLF, once an RLF that names it is
in force. One that an RLF no longer names ends, with 0, once it has left the pool. With --rejoin a
server whose data was set back takes a new key, prints the [[server]] table that the RLF must then
name in place of the old one, and joins as its replacement.`;
  static override readonly examples = [
    '<%= config.bin %> serve --data /var/lib/lm --rlf /etc/lm/pool.toml',
    'LM_DATA=/var/lib/lm <%= config.bin %> serve --listen 127.0.0.1:5930',
  ];
  static override readonly flags = {
    data: Flags.string({
      description: 'The data directory, prepared by lm pool init or lm server new.',
      env: 'LM_DATA',
      helpValue: 'DIR',
      required: true,
    }),
    rlf: Flags.string({ description: 'An RLF to offer.', env: 'LM_RLF', helpValue: 'FILE' }),
    rejoin: Flags.boolean({
      description: 'Take a new key and join the pool anew, where the data is gone or rolled back.',
      env: 'LM_REJOIN',
    }),
    listen: Flags.string({
      description: 'Where to listen. Default: every address, the port that the RLF says.',
      env: 'LM_LISTEN',
      helpValue: 'HOST:PORT',
    }),
    'log-level': Flags.option({ options: LOG_LEVELS })({
      description: 'Least severe lines to log.',
      env: 'LM_LOG_LEVEL',
      default: 'info',
    }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Serve);
    const listen = flags.listen === undefined ? null : parseListen(flags.listen);
    const offered = flags.rlf === undefined ? null : await readRlfFile(flags.rlf);
    const log = logOf(flags['log-level']);
    const [{ openDataDirectory }, { bootClock, wallClock }, { randomBytes }, { LicenseServer }] =
      await Promise.all([
        import('../engine/io/data-directory.ts'),
        import('../engine/io/clock.ts'),
        import('../engine/io/random.ts'),
        import('../net/license-server.ts'),
      ]);
    if (flags.rejoin) await rejoin(flags.data, offered);
    const boot = bootClock();
    const stopped = untilStopped();
    let hangup: ((server: LicenseServer) => void) | null = null;
    if (flags.rlf !== undefined) hangup = rereadOnHangup(flags.rlf, log);
    for (let first = true; ; first = false) {
      const directory = await openDataDirectory(flags.data);
      const over = new AbortController();
      let isOver = true;
      const server = new LicenseServer({
        directory,
        offered: first ? offered : null,
        rejoins: flags.rejoin,
        version: pjson.version,
        host: listen?.host ?? null,
        port: listen?.port ?? null,
        now: () => ({ boot: boot(), wall: wallClock() }),
        random: Math.random,
        secret: randomBytes(32),
        log,
        onFailure: (error) => fail(error, log),
        onLeft: () => over.abort(),
        onRestart: () => {
          isOver = false;
          over.abort();
        },
      });
      announce(server, log, first);
      hangup?.(server);
      await either(stopped, over.signal);
      log('info', 'stopping');
      if (isOver) await server.stepAside();
      server.stop();
      await directory.close();
      if (isOver) log('info', 'stopped', { ...server.counters });
      if (isOver) process.exit(0);
    }
  }
}

function logOf(level: LogLevel): Log {
  const pretty = process.stderr.isTTY === true;
  return createLog({ level, pretty, write: (line) => process.stderr.write(line), now: Date.now });
}

/** Scripts wait for the line on standard output, which a process prints once. */
function announce(server: LicenseServer, log: Log, isFirst: boolean): void {
  const { self, pool, port, keyCount } = server;
  const address = `${self.address.slice(0, self.address.lastIndexOf(':'))}:${port}`;
  log('info', 'serving', { name: self.name, address, pool, keys: keyCount });
  if (isFirst) process.stdout.write(`ready name=${self.name} address=${address} pool=${pool}\n`);
}

/** A write failed or an invariant broke: nothing may be promised any more. */
function fail(error: unknown, log: Log): void {
  const reason = error instanceof Error ? error.message : String(error);
  if (error instanceof LmError) {
    log('error', reason, { code: error.code, hint: error.hint });
    process.exit(error.exitCode);
  }
  const stack = error instanceof Error ? error.stack : undefined;
  log('error', 'the server ends: it can promise nothing any more', { reason, stack });
  process.exit(1);
}

/** Returns what tells it which server is to have the file. */
function rereadOnHangup(file: string, log: Log): (server: LicenseServer) => void {
  let current: LicenseServer | null = null;
  process.on('SIGHUP', () => {
    readRlfFile(file).then(
      (rlf: Rlf) => {
        if (current !== null) offer(current, rlf, log);
      },
      (error: unknown) => refuse(error, log),
    );
  });
  return (server) => {
    current = server;
  };
}

function offer(server: LicenseServer, rlf: Rlf, log: Log): void {
  try {
    server.offer(rlf);
    log('info', 'the RLF was read again', { sequence: rlf.sequence });
  } catch (error) {
    refuse(error, log);
  }
}

/** The server goes on under the RLF in force. */
function refuse(error: unknown, log: Log): void {
  if (!(error instanceof LmError)) throw error;
  const { code, message, hint } = error;
  log('error', 'the RLF was refused', { code, reason: message, hint });
}

/** Gives the directory a new key, and prints what the RLF has to say of it. */
async function rejoin(data: string, offered: Rlf | null): Promise<void> {
  if (offered === null) {
    const message = 'A server that joins anew has to know the pool.';
    throw new LmError('config', message, "Give the pool's RLF: lm serve --rejoin --rlf FILE.");
  }
  const { renewDataDirectory } = await import('../engine/io/data-directory.ts');
  const { createIdentity } = await import('../net/identity.ts');
  const { server: name, fingerprint } = await renewDataDirectory(data, createIdentity);
  const before = offered.servers.find((server) => server.name === name);
  if (before === undefined) {
    const message = `The RLF has no server ${name}, whose place this one could take.`;
    throw new LmError('config', message, 'Prepare a new server: lm server new.');
  }
  if (before.fingerprint === fingerprint) return;
  process.stdout.write(serverTable({ name, address: before.address, fingerprint }));
}

function untilStopped(): AbortSignal {
  const stopped = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.abort());
  return stopped.signal;
}

/** A signal, or that the server has left the pool, or is to start anew. */
function either(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) {
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
    }
  });
}
