/**
 * Builds the client library for Node: one ES module, `dist/client/index.js`, with what it needs in
 * it, and its type declarations beside it.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dir, '..');
const outdir = join(root, 'dist/client');
rmSync(outdir, { recursive: true, force: true });

const built = await Bun.build({
  entrypoints: [join(root, 'src/net/client/index.ts')],
  outdir,
  target: 'node',
  format: 'esm',
  // Only servers make certificates.
  external: ['selfsigned'],
});
for (const log of built.logs) console.error(String(log));

const declarations = Bun.spawnSync(
  [join(root, 'node_modules/.bin/tsc'), '-p', join(root, 'tsconfig.client.json')],
  { stdout: 'inherit', stderr: 'inherit' },
);
if (declarations.exitCode !== 0) process.exit(1);
