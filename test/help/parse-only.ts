/** Lets a command read its command line, and do nothing more. */
import type { Command } from '@oclif/core';
import { Config } from '@oclif/core/config';

interface Parsed {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly args: Readonly<Record<string, unknown>>;
}

/** What `command` makes of `argv`, after whatever it does to them before it parses. */
export async function parseOnly(
  command: typeof Command,
  {
    argv,
    env,
  }: { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> },
): Promise<Parsed> {
  const own = [[...argv], CONFIG];
  const instance = Reflect.construct(command, own) as Command;
  const parse: (...given: unknown[]) => Promise<Parsed> = Reflect.get(instance, 'parse');
  const stop = async (options: typeof Command, ...given: unknown[]) => {
    // The parser renames the arguments of the class, which manual pages are made of.
    const args = Object.entries(options.args).map(([name, arg]) => [name, { ...arg }]);
    const copy = { ...options, args: Object.fromEntries(args) };
    throw new Stopped(await Reflect.apply(parse, instance, [copy, ...given]));
  };
  Object.defineProperty(instance, 'parse', { value: stop });
  const before = { ...process.env };
  try {
    Object.assign(process.env, env);
    await instance.run();
  } catch (error) {
    if (error instanceof Stopped) return error.parsed;
    throw error;
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
    Object.assign(process.env, before);
  }
  throw new Error('the command ran without reading its command line');
}

/** Commands ask oclif's own for hooks, of which lm has none. */
const CONFIG = Object.assign(new Config({ root: '/' }), {
  bin: 'lm',
  runHook: async () => ({ successes: [], failures: [] }),
});

class Stopped extends Error {
  readonly parsed: Parsed;
  constructor(parsed: Parsed) {
    super('stopped after parsing');
    this.parsed = parsed;
  }
}
