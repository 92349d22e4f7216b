import { LmError } from '../engine/errors.ts';
import { COMMUTER_DAYS_MAX } from '../engine/limits.ts';
import type { WhyDocument } from '../net/client/why.ts';
import { BaseCommand } from './shared/base-command.ts';
import { connectFlags, openClient } from './shared/connect.ts';
import { Flags } from './shared/oclif.ts';
import { failuresIn, jsonOf } from './shared/pool-results.ts';
import { applicationArg, seatFlags } from './shared/seat-flags.ts';

export default class Why extends BaseCommand {
  static override readonly summary = 'Say why a seat can or cannot be had now';
  static override readonly description = `Tells what a request would be answered now, without making
one: the rule that decides, with its numbers; the table of the license; who holds the seats and
since when, the oldest first; which seats are checked out, and how many may be; which servers are
lost, and when their seats can be lent; and what to do next. With --days it tells what lm commute
out would be answered.

The leader is asked, who knows most, or where it cannot be reached the server that is connected.
With --user and --host it lists the seats that they hold already. The exit code is 0 whatever the
answer is.`;
  static override readonly examples = [
    '<%= config.bin %> why Application',
    '<%= config.bin %> why Application --version 2.0 -n 4 --json',
    '<%= config.bin %> why Application --user anna --host ws17',
    '<%= config.bin %> why Application --days 5',
  ];
  static override readonly args = { application: applicationArg };
  static override readonly flags = {
    version: seatFlags.version,
    vendor: seatFlags.vendor,
    count: seatFlags.count,
    days: Flags.integer({
      description: 'Ask about a seat that is to be checked out for so many days.',
      helpValue: 'N',
      min: 1,
      max: COMMUTER_DAYS_MAX,
    }),
    user: Flags.string({ description: 'List the seats of this user, too.', helpValue: 'USER' }),
    host: Flags.string({ description: 'List the seats on this host, too.', helpValue: 'HOST' }),
    ...connectFlags,
    json: BaseCommand.json,
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Why);
    const { version, vendor, count, days } = flags;
    const application = args.application.normalize('NFC');
    const client = await openClient(flags);
    try {
      const results = await client.why({ application, version, vendor, count, days });
      const failures = failuresIn(results);
      const answers = results.map((result) => withHeld(result, flags));
      if (flags.json) this.printJson(jsonOf(answers));
      else await this.#print(answers, somebodyIn(flags));
      for (const { message } of flags.json ? [] : failures) this.tell(`lm: ${message}`);
    } finally {
      await client.close();
    }
  }

  async #print(answers: readonly (Answer | LmError)[], name: string | null): Promise<void> {
    const { whyWords } = await import('./shared/why-words.ts');
    const { gapWords } = await import('./shared/status-words.ts');
    const told = answers.flatMap((answer) => (answer instanceof LmError ? [] : [answer]));
    const words = told.map((answer) => {
      const somebody = name === null ? null : { name, held: answer.held ?? [] };
      return whyWords(answer, { now: Date.now(), somebody });
    });
    process.stdout.write(words.join('\n'));
    for (const answer of told) for (const line of gapWords(answer)) this.tell(line);
  }
}

/** `held`: what the user or host that was named holds already. */
type Answer = WhyDocument & { readonly held?: WhyDocument['holders'] };

interface Who {
  readonly user: string | undefined;
  readonly host: string | undefined;
}

function withHeld(result: WhyDocument | LmError, who: Who): Answer | LmError {
  if (result instanceof LmError || somebodyIn(who) === null) return result;
  const { user, host } = who;
  const held = result.holders.filter((one) => {
    return one.user === (user ?? one.user) && one.host === (host ?? one.host);
  });
  return { ...result, held };
}

/** `anna`, `anna on ws17`, `ws17`; null where nobody was named. */
function somebodyIn({ user, host }: Who): string | null {
  if (user === undefined) return host ?? null;
  return host === undefined ? user : `${user} on ${host}`;
}
