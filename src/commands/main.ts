/** Starts the command line: registers the commands, runs one, and ends with the right exit code. */

import type { Interfaces } from '@oclif/core';
import pjson from '../../package.json' with { type: 'json' };
import { commandsFor } from './registry.ts';
import { reportFailure } from './shared/failure.ts';
import { Plugin, run } from './shared/oclif.ts';

/**
 * oclif looks for commands on disk, which an executable does not have: they are handed over as a
 * table, and only this plugin is known, so no user plugin is ever loaded.
 */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    const plugin = new Plugin({
      ignoreManifest: true,
      isRoot: true,
      pjson: PACKAGE as unknown as Interfaces.PJSON,
      root: '/',
      name: PACKAGE.name,
    });
    Object.assign(plugin, { commandCache: await commandsFor(argv) });
    await plugin.load();
    await run([...argv], { root: '/', plugins: new Map([[plugin.name, plugin]]) });
  } catch (error) {
    reportFailure(error, argv);
  }
}

const PACKAGE = {
  name: pjson.name,
  version: pjson.version,
  description: pjson.description,
  oclif: {
    bin: 'lm',
    dirname: 'lm',
    topicSeparator: ' ',
    additionalHelpFlags: ['-h'],
    commands: { strategy: 'explicit', target: './registry.ts' },
    topics: {
      code: { description: 'License codes: sign one, read one' },
      commute: { description: 'Seats that leave the network, and come back' },
      keys: { description: 'Signing keys of vendors and administrators' },
      leader: { description: 'The server that leads a pool' },
      pool: { description: 'A pool of license servers: set it up, make its card' },
      rlf: { description: 'The redundant license file (RLF): write, sign, check and compare it' },
      server: { description: 'One server of a pool' },
    },
  },
};
