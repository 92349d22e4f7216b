import { commands } from '@oclif/plugin-help';
import { Args, Flags } from './shared/oclif.ts';

/** oclif's own command; what it says about itself is worded as every command of lm words it. */
export default class Help extends commands.help {
  static override readonly summary = 'Show what lm can do, or how one command is used';
  static override readonly description =
    'The same as --help after the command. The manual page of a command, such as lm-rlf-add(1), ' +
    'says more.';
  static override readonly examples = [
    '<%= config.bin %> help',
    '<%= config.bin %> help rlf add',
    '<%= config.bin %> help --nested-commands',
  ];
  static override readonly args = {
    command: Args.string({ description: 'The command, in one word or two.', ignoreStdin: true }),
  };
  static override readonly flags = {
    'nested-commands': Flags.boolean({
      char: 'n',
      description: 'List the commands of all topics.',
    }),
  };

  /** Failures go to `main`, as those of the other commands. */
  protected override async catch(error: Error): Promise<never> {
    throw error;
  }
}
