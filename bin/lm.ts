// First of all: it lists the descriptors that lm was started with, before anything opens more.
import '../src/commands/shared/process-facts.ts';
import { main } from '../src/commands/main.ts';

void main(process.argv.slice(2));
