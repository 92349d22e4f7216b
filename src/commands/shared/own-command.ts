/** How this program is started again: as the executable that it is, or from its sources. */
export function ownCommand(): string[] {
  return Bun.main.startsWith(EMBEDDED) ? [process.execPath] : [process.execPath, Bun.main];
}

/** Where an executable made by Bun finds its own files. */
const EMBEDDED = '/$bunfs/';
