/**
 * The executable under test: built if the sources are newer, and copied to where no node_modules is
 * in its sight.
 */
import { copyFileSync, linkSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dir, '../..');
/** LM_EXECUTABLE names another one, to see that a broken one fails the tests. */
const BUILT = process.env['LM_EXECUTABLE'] ?? join(ROOT, 'dist/lm');

let copy: string | null = null;

/** Path of the copy, one for all tests of this process. Its folder is open to every user. */
export function executable(): string {
  if (copy !== null) return copy;
  buildIfStale();
  const folder = mkdtempSync(join(tmpdir(), 'lm-e2e-bin-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  Bun.spawnSync(['chmod', '755', folder]);
  copy = join(folder, 'lm');
  try {
    // The build replaces the file instead of writing into it, so a link stays what it is.
    linkSync(BUILT, copy);
  } catch {
    copyFileSync(BUILT, copy);
  }
  return copy;
}

function buildIfStale(): void {
  if (process.env['LM_EXECUTABLE'] !== undefined) return;
  const sources = Math.max(...['src', 'bin'].map(newest));
  if (modified(BUILT) > sources) return;
  const { exitCode, stderr } = Bun.spawnSync([process.execPath, 'bin/build.ts'], { cwd: ROOT });
  if (exitCode !== 0) throw new Error(`the executable can't be built: ${stderr}`);
}

function newest(folder: string): number {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Math.max(...files.map(({ parentPath, name }) => modified(join(parentPath, name))));
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
