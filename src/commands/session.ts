import { jsonText } from '../engine/json-text.ts';
import { BaseCommand } from './shared/base-command.ts';
import { connectFlags, openClient } from './shared/connect.ts';
import { Interrupted, interruptible } from './shared/interrupt.ts';
import { LineSplitter } from './shared/json-lines.ts';
import { Session as Conversation } from './shared/session.ts';

const LINE_BYTES_MAX = 64 * 1024;

export default class Session extends BaseCommand {
  static override readonly summary = 'Hold seats for a program in any language, by JSON lines';
  static override readonly description = `Reads one JSON object a line from standard input and
answers on standard output: request, release, cancel, status and what is about commuted seats, each
with an id that the answer repeats. Events tell when a seat is lost or regained. The end of the
input gives back every seat. docs/SESSION.md describes the lines.`;
  static override readonly examples = [
    '<%= config.bin %> session --pool cad-east.pool',
    `(echo '{"op":"request","id":1,"application":"App"}'; ./run >&2) | <%= config.bin %> session`,
  ];
  static override readonly flags = connectFlags;

  override async run(): Promise<void> {
    const { flags } = await this.parse(Session);
    const client = await openClient(flags);
    const say = (line: Readonly<Record<string, unknown>>) => {
      process.stdout.write(`${jsonText(line)}\n`);
    };
    const conversation = new Conversation(client, say);
    try {
      await interruptible((signal) => converse(conversation, signal));
    } catch (error) {
      if (error instanceof Interrupted) this.exit(error.exitCode);
      throw error;
    } finally {
      conversation.end();
      await client.close();
    }
  }
}

/** Until the input ends, the output is closed, or a signal comes. */
function converse(conversation: Conversation, signal: AbortSignal): Promise<void> {
  const { stdin, stdout } = process;
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      stdin.removeAllListeners('data').removeAllListeners('end').removeAllListeners('error');
      stdin.pause();
      stdin.unref?.();
      settle();
    };
    const onFailure = (error: unknown) => finish(() => reject(error));
    const splitter = new LineSplitter(LINE_BYTES_MAX, {
      onLine: (line) => void conversation.take(line).catch(onFailure),
      onTooLong: () => conversation.refuse(`A line is longer than ${LINE_BYTES_MAX} bytes.`),
    });
    stdin.on('data', (chunk: Uint8Array) => splitter.push(chunk));
    stdin.on('end', () => {
      splitter.end();
      finish(resolve);
    });
    stdin.on('error', () => finish(resolve));
    stdout.on('error', () => finish(resolve));
    signal.addEventListener('abort', () => finish(() => reject(signal.reason)), { once: true });
  });
}
