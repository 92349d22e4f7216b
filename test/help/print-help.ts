/**
 * Prints the help of every command line given as JSON in the first argument, each after a line that
 * begins with a form feed. One process for all: starting one for each would take a minute.
 */
import { main } from '../../src/commands/main.ts';

const lines = JSON.parse(process.argv[2] ?? '[]') as string[];
for (const line of lines) {
  console.log(`\f${line}`);
  await main([...line.split(':').filter((word) => word !== ''), '--help']);
}
