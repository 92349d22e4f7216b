/** `-o FILE`: where a command leaves what it makes; standard output unless told otherwise. */

import { writeText } from './files.ts';
import { Flags } from './oclif.ts';

export const outputFlags = {
  output: Flags.string({
    char: 'o',
    description: 'File to write, instead of standard output.',
    helpValue: 'FILE',
  }),
  force: Flags.boolean({
    description: 'Replace the file if it exists.',
    dependsOn: ['output'],
  }),
};

export interface Output {
  readonly output: string | undefined;
  readonly force: boolean;
}

/** Writes the text to the file, or where none was named to standard output unless `quiet`. */
export function putOutput(text: string, { output, force }: Output, quiet: boolean): void {
  if (output !== undefined && output !== '-') writeText(output, text, { replace: force });
  else if (!quiet) process.stdout.write(text);
}
