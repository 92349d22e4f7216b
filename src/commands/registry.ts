/** Every command by its name, words joined by `:`. The file's path is the command's name. */
import type { Command } from '@oclif/core';
import Version from './version.ts';

export const COMMANDS: Readonly<Record<string, typeof Command>> = {
  version: Version,
};
