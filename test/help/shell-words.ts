/** Just enough of a shell to find in an example how it calls lm; nothing is expanded or run. */

export interface Invocation {
  /** What stands behind `lm`. */
  readonly argv: readonly string[];
  /** Variables set for this call alone. */
  readonly env: Readonly<Record<string, string>>;
}

/** Every call of lm in `text`, in pipelines and substitutions too. */
export function invocations(text: string): Invocation[] {
  return simpleCommands(text).flatMap((words) => {
    const first = words.findIndex((word) => !ASSIGNMENT.test(word));
    if (words[first] !== 'lm') return [];
    const env = Object.fromEntries(
      words.slice(0, first).map((word) => {
        const [name = '', ...value] = word.split('=');
        return [name, value.join('=')];
      }),
    );
    return [{ argv: words.slice(first + 1), env }];
  });
}

/** The words of each command; operators part them, redirections are left out. */
function simpleCommands(text: string): string[][] {
  const commands: string[][] = [[]];
  let redirected = false;
  for (const [token] of text.matchAll(TOKEN)) {
    if (/^\s/.test(token)) continue;
    if (SEPARATOR.test(token)) {
      commands.push([]);
    } else if (/^[0-9]?[<>]/.test(token)) {
      redirected = !token.includes('&');
    } else if (redirected) {
      redirected = false;
    } else {
      commands.at(-1)?.push(unquoted(token));
    }
  }
  return commands.filter((words) => words.length > 0);
}

function unquoted(word: string): string {
  return word.replaceAll(/'([^']*)'|"([^"]*)"/g, (_, single?: string, double?: string) => {
    return single ?? double ?? '';
  });
}

const ASSIGNMENT = /^[A-Z_][A-Z0-9_]*=/;
const SEPARATOR = /^(\$\(|[()|&;])/;
/** Space, a redirection, an operator, or a word of plain and quoted parts. */
const TOKEN =
  /\s+|[0-9]?[<>]+(?:&[0-9])?|\$\(|&&|\|\||[()|&;]|(?:'[^']*'|"[^"]*"|\$(?!\()|[^\s'"<>()|&;$])+/g;
