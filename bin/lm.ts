import { main } from '../src/commands/main.ts';

void main(process.argv.slice(2));
