/**
 * Violations, one at least for each way to break a rule, and what looks like one and is none. None of
 * this is on disk as source: it is shown to the rules as if it were.
 */

/** Files by their path; the first is the one that is judged. */
type Files = Readonly<Record<string, string>>;

export interface Planted {
  /** The beginning of the rule's name. */
  readonly rule: string;
  readonly bad: readonly Files[];
  readonly good: readonly Files[];
}

const core = (text: string): Files => ({ 'src/engine/planted.ts': text });
const atClient = (text: string, more: Files = {}): Files => ({
  'src/net/client/planted.ts': text,
  ...more,
});
const line = (columns: number): string => `// ${'x'.repeat(columns - 3)}\n`;
const WORD = ['TO', 'DO'].join('');

export const PLANTED: readonly Planted[] = [
  {
    rule: 'imports run',
    bad: [
      core("import { x } from '../net/frames.ts';"),
      core("import type { X } from '../commands/main.ts';"),
      core("export * from '../net/frames.ts';"),
      core("const x = await import('../net/frames.ts');"),
      core('const x = import(`../net/frames.ts`);'),
      core("type X = import('../net/frames.ts').X;"),
      { 'src/net/planted.ts': "import {\n  type X,\n} from '../commands/main.ts';" },
      { 'src/commands/planted.ts': "import { x } from '../../test/samples.ts';" },
      { 'src/commands/planted.ts': "import '../../bin/build.ts';" },
    ],
    good: [
      core("// import { x } from '../net/frames.ts';\nimport { y } from './line.ts';"),
      core('const text = "import { x } from \'../net/frames.ts\'";'),
      { 'src/commands/planted.ts': "import p from '../../package.json' with { type: 'json' };" },
      { 'src/net/planted.ts': "import type { X } from '../engine/core.ts';" },
    ],
  },
  {
    rule: 'only commands',
    bad: [
      { 'src/net/planted.ts': "import { x } from '../engine/io/clock.ts';" },
      { 'src/net/client/planted.ts': "import type { X } from '../../engine/io/store.ts';" },
      { 'src/engine/license/planted.ts': "import { x } from '../io/random.ts';" },
      core("export { x } from './io/clock.ts';"),
    ],
    good: [
      { 'src/commands/planted.ts': "const x = await import('../engine/io/clock.ts');" },
      { 'src/engine/io/planted.ts': "import { x } from './clock.ts';" },
    ],
  },
  {
    rule: 'the core imports only',
    bad: [
      core("import { readFileSync } from 'node:fs';"),
      core("import { readFileSync } from 'fs';"),
      core("import type { Socket } from 'node:net';"),
      core("import { isIPv4, connect } from 'node:net';"),
      core("import net from 'node:net';"),
      core("import { dlopen } from 'bun:ffi';"),
      core("import { setTimeout } from 'node:timers/promises';"),
      core("import { randomBytes } from 'node:crypto';"),
      core("import { createHash, randomUUID as hash } from 'node:crypto';"),
      core("import * as crypto from 'node:crypto';"),
      core("import { Packr } from 'msgpackr/pack';"),
    ],
    good: [
      core("import { createHash, type KeyObject as Key } from 'node:crypto';"),
      core("import { isIPv4, isIPv6 } from 'node:net';"),
      { 'src/engine/io/planted.ts': "import { readFileSync } from 'node:fs';" },
    ],
  },
  {
    rule: 'the core knows',
    bad: [
      core('const x = await y;'),
      core('const now = Date.now();'),
      core('const now = new Date();'),
      core('const now = new Date( ).getTime();'),
      core('const x = `${Math.random()}`;'),
      core('const t = performance.now();'),
      core('await Bun.sleep(1);'),
      core('setTimeout(() => {}, 1);'),
      core('const env = process.env;'),
      core('const id = crypto.randomUUID();'),
      core("console.log('x');"),
      core('const quoted = /[\'"]/; const now = Date.now();'),
    ],
    good: [
      core('/** await Date.now() */ // Math.random()\nconst x = "await process.exit()";'),
      core('const day = new Date(ms).toISOString(); const at = Date.parse(text);'),
      core('const x = `Date.now() ${y} Math.random()`; const { awaits, performance } = z;'),
      { 'src/engine/io/planted.ts': 'export const now = () => Date.now();' },
    ],
  },
  {
    rule: 'the client library',
    bad: [
      atClient("import { connect } from 'bun';"),
      atClient("import { dlopen } from 'bun:ffi';"),
      atClient('const x = Bun.connect({});'),
      atClient('const x = import.meta.dir;'),
      atClient("import type { Store } from '../../engine/io/store.ts';"),
      atClient("import { a } from '../a.ts';", {
        'src/net/a.ts': "import { b } from './b.ts';",
        'src/net/b.ts': "import { a } from './a.ts';\nBun.listen({});",
      }),
      atClient("import type { A } from '../a.ts';", {
        'src/net/a.ts': "import { clock } from '../engine/io/clock.ts';",
      }),
    ],
    good: [
      atClient("/** Bun.connect */ import { connect } from 'node:tls'; const x = import.meta.url;"),
      atClient("import { a } from '../a.ts';", {
        'src/net/a.ts': "import { b } from './b.ts';",
        'src/net/c.ts': 'Bun.listen({});',
      }),
    ],
  },
  {
    rule: 'a file has at most',
    bad: [core('x;\n'.repeat(401)), core(line(101)), { 'bin/planted.ts': line(101) }],
    good: [core('x;\n'.repeat(400)), core(line(100)), core(`// ${'😀'.repeat(97)}\n`)],
  },
  {
    rule: 'no type is any',
    bad: [
      core('function f(x: any): void {}'),
      core('const x = y as any;'),
      core('const x: Map<string, any> = y;'),
      core('type X = any[];'),
      core('type X = { a: string; b?: any };'),
      core('// @ts-ignore\nconst x = 1;'),
      core('// @ts-expect-error\nconst x = 1;'),
    ],
    good: [
      core('// any type is fine: any\nconst x = "as any"; const y = Promise.any([]);'),
      core('const x = { any: 1, many: 2 }; type Y = { any?: string };'),
      core('const x = a / b; // any\nconst y = /: any/;'),
    ],
  },
  {
    rule: 'nothing is left',
    bad: [core(`// ${WORD}: more`), core(`/* FIX${'ME'} */`)],
    good: [core('const x = "todo"; // to do')],
  },
];
