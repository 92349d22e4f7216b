import { Flags } from '@oclif/core';
import { LmError } from '../engine/errors.ts';
import { jsonText } from '../engine/json-text.ts';
import type { LicenseClient } from '../net/client/license-client.ts';
import type { StatusDocument, StatusFilter } from '../net/client/status.ts';
import { BaseCommand } from './shared/base-command.ts';
import { connectFlags, openClient } from './shared/connect.ts';
import { Interrupted, interruptible } from './shared/interrupt.ts';
import { printable } from './shared/printable.ts';
import { CLEAR, pause } from './shared/redraw.ts';

const WATCH_MS = 1_000;

type Result = StatusDocument | LmError;

export default class Status extends BaseCommand {
  static override readonly summary = 'Show the servers, the licenses and who holds seats';
  static override readonly description = `Shows each license with its distribution table: what every
server may issue, has in use and has left, what lies in the free pool, and the pool as a whole. X
stands for what the server that was asked does not know; --pool without a card asks for the pool's
own view.`;
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
    'pool-wide': Flags.boolean({ description: 'Ask for the view of the whole pool.' }),
    ...connectFlags,
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Status, poolAlone(this.argv));
    const { application, user, host } = flags;
    const filter = { application: application?.normalize('NFC'), user, host };
    const client = await openClient(flags);
    try {
      if (flags.watch) await this.#watch(client, filter, flags.json);
      else await this.#show(await client.status(filter), flags.json);
    } catch (error) {
      if (error instanceof Interrupted) this.exit(error.exitCode);
      throw error;
    } finally {
      await client.close();
    }
  }

  async #show(results: readonly Result[], json: boolean): Promise<void> {
    const [first] = results;
    const failed = results.filter((result) => result instanceof LmError);
    if (failed.length === results.length && first instanceof LmError) throw first;
    if (json) this.printJson(jsonOf(results));
    else process.stdout.write(await wordsOf(results));
    for (const { message } of json ? [] : failed) this.tell(`lm: ${printable(message)}`);
  }

  async #watch(client: LicenseClient, filter: StatusFilter, json: boolean): Promise<void> {
    const onTerminal = process.stdout.isTTY === true && !json;
    let last = '';
    await interruptible(async (signal) => {
      while (!signal.aborted) {
        const results = await client.status(filter);
        const seen = jsonText(jsonOf(results));
        if (onTerminal) process.stdout.write(CLEAR + (await wordsOf(results)));
        else if (seen !== last && json) process.stdout.write(`${seen}\n`);
        else if (seen !== last) process.stdout.write(`${await wordsOf(results)}\n`);
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

/** One pool is its document; several are listed, with what stands in the way of the others. */
function jsonOf(results: readonly Result[]): unknown {
  const documents = results.map((result) => {
    if (!(result instanceof LmError)) return result;
    const { code, message, hint, details } = result;
    return { error: { code, message, hint, ...details } };
  });
  return documents.length === 1 ? documents[0] : { pools: documents };
}

async function wordsOf(results: readonly Result[]): Promise<string> {
  const { statusWords } = await import('./shared/status-words.ts');
  return results
    .map((result) =>
      result instanceof LmError
        ? `${printable(result.message)}\n`
        : statusWords(result, Date.now()),
    )
    .join('\n');
}
