/**
 * The parts of oclif that lm uses. Its index compares versions of Node at every start, and looks
 * for a package.json where lm was built: a twentieth of the time that `lm exec` takes.
 */
export * as Args from '@oclif/core/args';
export { Command } from '@oclif/core/command';
export { Plugin } from '@oclif/core/config';
export * as Errors from '@oclif/core/errors';
export * as Flags from '@oclif/core/flags';
export { run } from '@oclif/core/run';
