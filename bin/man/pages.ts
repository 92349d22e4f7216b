/** All manual pages, by file name. Equal commands make equal pages, byte by byte. */
import { commandsFor } from '../../src/commands/registry.ts';
import { commandPage } from './command-page.ts';
import { overviewPage } from './overview.ts';
import { pageName } from './page.ts';

export async function manualPages(): Promise<Map<string, string>> {
  const commands = await commandsFor([]);
  const pages = new Map([['lm.1', `${overviewPage(commands).join('\n')}\n`]]);
  for (const id of Object.keys(commands).sort()) {
    pages.set(`${pageName(id)}.1`, `${commandPage(id, commands).join('\n')}\n`);
  }
  return pages;
}
