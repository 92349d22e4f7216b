/**
 * Opens a data directory, says so, and holds it until it is killed:
 *
 *   bun hold-directory.ts DIRECTORY
 */
import { openDataDirectory } from '../../src/engine/io/data-directory.ts';

const { boot } = await openDataDirectory(process.argv[2] ?? '');
console.log(`open ${boot}`);
setInterval(() => {}, 60_000);
