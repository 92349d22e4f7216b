/**
 * Every command by its name, words joined by `:`. The file's path is the command's name. They are
 * loaded one at a time: `lm exec` should not wait for what it does not run.
 */
import type { Command } from '@oclif/core';

type Load = () => Promise<{ readonly default: typeof Command }>;

export const COMMANDS: Readonly<Record<string, Load>> = {
  'code:show': () => import('./code/show.ts'),
  'code:sign': () => import('./code/sign.ts'),
  'commute:in': () => import('./commute/in.ts'),
  'commute:list': () => import('./commute/list.ts'),
  'commute:out': () => import('./commute/out.ts'),
  dev: () => import('./dev.ts'),
  evict: () => import('./evict.ts'),
  exec: () => import('./exec.ts'),
  help: () => import('./help.ts'),
  'keys:new': () => import('./keys/new.ts'),
  'leader:transfer': () => import('./leader/transfer.ts'),
  'pool:card': () => import('./pool/card.ts'),
  'pool:init': () => import('./pool/init.ts'),
  'pool:upgrade': () => import('./pool/upgrade.ts'),
  release: () => import('./release.ts'),
  renew: () => import('./renew.ts'),
  request: () => import('./request.ts'),
  'rlf:add': () => import('./rlf/add.ts'),
  'rlf:diff': () => import('./rlf/diff.ts'),
  'rlf:push': () => import('./rlf/push.ts'),
  'rlf:recover': () => import('./rlf/recover.ts'),
  'rlf:sign': () => import('./rlf/sign.ts'),
  'rlf:template': () => import('./rlf/template.ts'),
  'rlf:verify': () => import('./rlf/verify.ts'),
  'secret:rotate': () => import('./secret/rotate.ts'),
  serve: () => import('./serve.ts'),
  'server:new': () => import('./server/new.ts'),
  session: () => import('./session.ts'),
  status: () => import('./status.ts'),
  version: () => import('./version.ts'),
  why: () => import('./why.ts'),
};

/** The commands that a command line may need: the one it names, or all, to help or to suggest. */
export async function commandsFor(
  argv: readonly string[],
): Promise<Record<string, typeof Command>> {
  const named = [argv.slice(0, 2).join(':'), argv[0] ?? ''].find((id) =>
    Object.hasOwn(COMMANDS, id),
  );
  const needed = named === undefined || named === 'help' ? Object.keys(COMMANDS) : [named];
  const loaded = needed.map(async (id) => [id, (await COMMANDS[id]?.())?.default] as const);
  const found = (await Promise.all(loaded)).filter((pair): pair is [string, typeof Command] => {
    return pair[1] !== undefined;
  });
  for (const [, command] of found) unfold(command);
  return Object.fromEntries(found);
}

/** The help wraps every line of a description by itself: a paragraph has to be one line. */
function unfold(command: typeof Command): void {
  command.description = command.description?.replaceAll(/(?<!\n)\n(?!\n)/g, ' ');
}
