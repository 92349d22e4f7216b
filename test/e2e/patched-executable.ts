/** The executable built of sources whose texts are changed, in a folder of its own. */
import { join } from 'node:path';
import { copyOf, type Patch, removeCopy } from '../simulation/copy.ts';

export interface PatchedExecutable {
  readonly path: string;
  remove(): void;
}

export async function buildPatched(patches: readonly Patch[]): Promise<PatchedExecutable> {
  const folder = copyOf(patches, ['src', 'bin', 'package.json', 'tsconfig.json']);
  const build = Bun.spawn([process.execPath, 'bin/build.ts'], {
    cwd: folder,
    stdout: 'ignore',
    stderr: 'pipe',
  });
  const [code, said] = await Promise.all([build.exited, new Response(build.stderr).text()]);
  if (code !== 0) throw new Error(`a patched executable can't be built: ${said}`);
  return { path: join(folder, 'dist/lm'), remove: () => removeCopy(folder) };
}
