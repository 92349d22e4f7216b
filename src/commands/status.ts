import { LmError } from '../engine/errors.ts';
import { jsonText } from '../engine/json-text.ts';
import type { LicenseClient } from '../net/client/license-client.ts';
import type { StatusOptions } from '../net/client/pool-status.ts';
import type { StatusDocument } from '../net/client/status.ts';
import { BaseCommand } from './shared/base-command.ts';
import { connectFlags, openClient } from './shared/connect.ts';
import { Interrupted, interruptible } from './shared/interrupt.ts';
import { Flags } from './shared/oclif.ts';
import { failuresIn, jsonOf } from './shared/pool-results.ts';
import { printable } from './shared/printable.ts';
import { CLEAR, pause } from './shared/redraw.ts';

const WATCH_MS = 1_000;

type Result = StatusDocument | LmError;

export default class Status extends BaseCommand {
  static override readonly summary = 'Show the servers, the licenses and who holds seats';
  static override readonly description = `Shows each license with its distribution table: what every
server may issue, has in use and has left, what lies in the free pool, and the pool as a whole.

A server knows its own row and who holds its seats; X stands for what it does not know. --pool
without a card asks all servers: the leader for the tables of the whole pool, each for who holds its
seats. Where no leader can be reached it shows what one server knows, and says so.`;
  static override readonly examples = [
    '<%= config.bin %> status',
    '<%= config.bin %> status --pool --json',
    '<%= config.bin %> status --application Application --user anna --watch',
  ];
  static override readonly flags = {
    application: Flags.string({ description: 'Only this application.', helpValue: 'NAME' }),
    user: Flags.string({ description: "Only this user's seats.", helpValue: 'USER' }),
    host: Flags.string({ description: 'Only seats held on this host.', helpValue: 'HOST' }),
    watch: Flags.boolean({ description: 'Show it again whenever it changes, until interrupted.' }),
    'pool-wide': Flags.boolean({ description: 'Ask all servers: the view of the whole pool.' }),
    ...connectFlags,
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Status, poolAlone(this.argv));
    const { application, user, host, 'pool-wide': pool } = flags;
    const options = { application: application?.normalize('NFC'), user, host, pool };
    const client = await openClient(flags);
    try {
      if (flags.watch) await this.#watch(client, options, flags.json);
      else await this.#show(await client.status(options), flags.json);
    } catch (error) {
      if (error instanceof Interrupted) this.exit(error.exitCode);
      throw error;
    } finally {
      await client.close();
    }
  }

  async #show(results: readonly Result[], json: boolean): Promise<void> {
    const failed = failuresIn(results);
    if (json) this.printJson(jsonOf(results));
    else process.stdout.write(await wordsOf(results, false));
    for (const { message } of json ? [] : failed) this.tell(`lm: ${message}`);
    const { gapWords } = await import('./shared/status-words.ts');
    for (const result of results) {
      if (!(result instanceof LmError)) for (const words of gapWords(result)) this.tell(words);
    }
  }

  async #watch(client: LicenseClient, options: StatusOptions, json: boolean): Promise<void> {
    const onTerminal = process.stdout.isTTY === true && !json;
    let last = '';
    await interruptible(async (signal) => {
      while (!signal.aborted) {
        const results = await client.status(options);
        const seen = jsonText(jsonOf(results));
        if (onTerminal) process.stdout.write(CLEAR + (await wordsOf(results, true)));
        else if (seen !== last && json) process.stdout.write(`${seen}\n`);
        else if (seen !== last) process.stdout.write(`${await wordsOf(results, true)}\n`);
        last = seen;
        await pause(WATCH_MS, signal);
      }
      throw signal.reason;
    });
  }
}

/** `--pool` without a value is the pool's view; with one it names the card, as everywhere. */
function poolAlone(argv: readonly string[]): string[] {
  return argv.map((argument, at) => {
    const next = argv[at + 1];
    const alone = argument === '--pool' && (next === undefined || next.startsWith('-'));
    return alone ? '--pool-wide' : argument;
  });
}

/** `gaps`: with what is missing, where the display has one stream. */
async function wordsOf(results: readonly Result[], gaps: boolean): Promise<string> {
  const { gapWords, statusWords } = await import('./shared/status-words.ts');
  return results
    .map((result) => {
      if (result instanceof LmError) return `${printable(result.message)}\n`;
      const words = statusWords(result, Date.now());
      const missing = gaps ? gapWords(result).map((line) => `${line}\n`) : [];
      return [words, ...missing].join('');
    })
    .join('\n');
}
