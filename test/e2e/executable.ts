/**
 * The executable under test: built if the sources are newer, and copied to where no node_modules is
 * in its sight.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dir, '../..');
/** LM_EXECUTABLE names another one, to see that a broken one fails the tests. */
const BUILT = process.env['LM_EXECUTABLE'] ?? join(ROOT, 'dist/lm');

/** A copy of an earlier build may still be in use by other tests for this long. */
const KEPT_MS = 15 * 60_000;

let copy: string | null = null;

/**
 * Path of the copy, in a folder that other users can look into. `bun test` calls no exit handlers,
 * so the folder stays for the next run; those of earlier builds are removed.
 */
export function executable(): string {
  if (copy !== null) return copy;
  buildIfStale();
  const owner = process.getuid?.() ?? 0;
  const name = `lm-e2e-${owner}-${Bun.hash(BUILT).toString(36)}-`;
  const folder = join(tmpdir(), `${name}${modified(BUILT)}`);
  removeOld(name, folder);
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const { uid, mode } = lstatSync(folder);
  if (uid !== owner || (mode & 0o022) !== 0) throw new Error(`${folder} is somebody else's`);
  chmodSync(folder, 0o755);
  copy = join(folder, 'lm');
  if (!existsSync(copy)) putCopy(copy);
  return copy;
}

function removeOld(name: string, current: string): void {
  for (const entry of readdirSync(tmpdir()).filter((one) => one.startsWith(name))) {
    const folder = join(tmpdir(), entry);
    if (folder !== current && Date.now() - modified(folder) > KEPT_MS) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function putCopy(path: string): void {
  const own = `${path}.${process.pid}`;
  try {
    // The build replaces the file instead of writing into it, so a link stays what it is.
    linkSync(BUILT, own);
  } catch {
    copyFileSync(BUILT, own);
  }
  renameSync(own, path);
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
