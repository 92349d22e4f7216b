import { jsonText } from '../../engine/json-text.ts';
import { Command, Flags } from './oclif.ts';
import { printable } from './printable.ts';

/** What every command of lm has in common: `--json` where it prints data, and plain failures. */
export abstract class BaseCommand extends Command {
  /** The flag, for commands that print data. */
  static readonly json = Flags.boolean({
    description: 'Print one JSON document on standard output, and nothing else there.',
  });

  /** Failures go to `main`, which knows exit codes; oclif's own handler would print them again. */
  protected override async catch(error: Error): Promise<never> {
    throw error;
  }

  protected printJson(document: unknown): void {
    process.stdout.write(`${jsonText(document)}\n`);
  }

  /** Progress and messages: standard error, so that standard output stays data. */
  protected tell(line: string): void {
    process.stderr.write(`${printable(line)}\n`);
  }
}
