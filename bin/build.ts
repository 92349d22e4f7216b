/**
 * Compiles `bin/lm.ts` to the standalone executable `dist/lm`.
 *
 * The LMDB addon looks for its native file at run time, in a node_modules that an executable does
 * not have; a plugin puts a literal `require` in its place, which embeds the file. Another one has
 * oclif load what it may never need, such as the finder of plugins on disk, when it first asks.
 */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BunPlugin } from 'bun';

const root = join(import.meta.dir, '..');
const LOOKUP = 'loadNAPI(dirName)';

const embedLmdb: BunPlugin = {
  name: 'embed-lmdb',
  setup(build) {
    build.onLoad({ filter: /[\\/]lmdb[\\/]native\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      if (!source.includes(LOOKUP)) throw new Error(`${path} no longer says ${LOOKUP}`);
      const addon = `@lmdb/lmdb-${process.platform}-${process.arch}/node.napi.glibc.node`;
      return { contents: source.replace(LOOKUP, `require('${addon}')`), loader: 'js' };
    });
  },
};

/** The whole of a package, or its default, as the compiler of oclif writes it. */
const REQUIRE = /const (\w+) = (__importDefault\()?require\("([a-z-]+)"\)\)?;/g;

const lazyOclif: BunPlugin = {
  name: 'lazy-oclif',
  setup(build) {
    build.onLoad({ filter: /[\\/]@oclif[\\/]core[\\/]lib[\\/].*\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      const contents = source.replace(REQUIRE, (_, name, isDefault, from) => {
        const load = `require("${from}")`;
        if (isDefault === undefined) {
          return `const ${name} = new Proxy({}, { get: (_, key) => ${load}[key] });`;
        }
        return `const ${name} = { get default() { return __importDefault(${load}).default; } };`;
      });
      return { contents, loader: 'js' };
    });
  },
};

const outfile = join(root, process.argv[2] ?? 'dist/lm');
const building = join(root, 'dist/.building/lm');
const result = await Bun.build({
  entrypoints: [join(root, 'bin/lm.ts')],
  compile: { outfile: building, autoloadBunfig: false, autoloadDotenv: false },
  target: 'bun',
  format: 'cjs',
  bytecode: true,
  minify: true,
  plugins: [embedLmdb, lazyOclif],
}).catch((error: unknown) => {
  rmSync(building, { force: true });
  throw error;
});
for (const log of result.logs) console.error(String(log));
renameSync(building, outfile);
