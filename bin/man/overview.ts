/** lm(1): what lm is, and what its commands have in common. */
import type { Command } from '@oclif/core';
import { allExitCodes } from './exit-codes.ts';
import { heading, pageName, seeAlso, spoken } from './page.ts';
import { type Block, bold, type Emphasis, example, italic, item, prose, section } from './roff.ts';

type Commands = Readonly<Record<string, typeof Command>>;

export function overviewPage(commands: Commands): Block {
  const emphasis = { bold: [...Object.keys(commands).map(spoken), 'NO_COLOR'], italic: [] };
  const say = (text: string) => prose(text, emphasis);
  return [
    ...heading('lm'),
    '.SH NAME',
    'lm \\- floating-license server pool',
    ...section('SYNOPSIS', [
      `${bold('lm')} ${italic('COMMAND')} [${italic('ARGUMENT')} ...] [${italic('OPTION')} ...]`,
      '.PP',
      `${bold('lm help')} [${italic('COMMAND')} ...]`,
    ]),
    ...section('DESCRIPTION', say(DESCRIPTION)),
    ...section('COMMANDS', ...groups(commands)),
    ...section('CONNECTING', say(CONNECTING)),
    ...section('DURATIONS AND DATES', say(DURATIONS)),
    ...section('OUTPUT', say(OUTPUT)),
    ...section('ENVIRONMENT', ...items(ENVIRONMENT, emphasis)),
    ...section('FILES', ...items(FILES, emphasis)),
    ...section('EXIT STATUS', allExitCodes(emphasis)),
    ...section('EXAMPLES', ...EXAMPLES.flatMap(([text, typed]) => [shown(text), example(typed)])),
    ...section('SEE ALSO', seeAlso(Object.keys(commands).sort().map(pageName))),
  ];
  function shown(text: string): Block {
    return ['.PP', ...say(text)];
  }
}

/** Every command with its summary, under what it is for; one of no group comes last. */
function groups(commands: Commands): Block[] {
  const ids = Object.keys(commands).sort();
  const grouped = new Set(GROUPS.flatMap(([, members]) => members));
  const rest = ids.filter((id) => !grouped.has(id));
  return [...GROUPS, ['Others', rest] as const].flatMap(([title, members]) => {
    const present = members.filter((id) => commands[id] !== undefined);
    if (present.length === 0) return [];
    return [
      [`.SS ${title}`],
      ...present.map((id) => item(`${bold(pageName(id))}(1)`, [`${commands[id]?.summary ?? ''}.`])),
    ];
  });
}

function items(pairs: readonly (readonly [string, string])[], emphasis: Emphasis): Block[] {
  return pairs.map(([term, text]) => item(bold(term), prose(text, emphasis)));
}

const GROUPS: readonly (readonly [string, readonly string[]])[] = [
  ['Seats', ['request', 'renew', 'release', 'exec', 'session', 'status']],
  ['Servers', ['dev', 'pool:init', 'pool:card', 'server:new', 'serve']],
  ['License codes', ['keys:new', 'code:sign', 'code:show']],
  ['The redundant license file', ['rlf:template', 'rlf:add', 'rlf:sign', 'rlf:verify', 'rlf:diff']],
];

const DESCRIPTION = `
lm issues authorizations, called seats, for protected software of several vendors. A vendor signs
a license code, which says how many seats of one application may be in use at once: the hard
limit. The administrator of a site collects license codes in a redundant license file (RLF), signs
it, and gives it to the servers of a pool. A program asks any server for a seat, shows signs of
life while it runs, and gives the seat back. The seat of one that shows none comes back after its
key lifetime.

The seats in use never exceed the hard limit. Servers issue seats only while a majority of the
pool is in contact. This version serves pools of one server.

Every command explains itself with --help.`;

const CONNECTING = `
Commands that talk to a pool find it by its card, a file that an administrator signed and that
holds no secret: --pool, else LM_POOL, else every card in /etc/lm/pools. Instead of a card,
--servers names the servers and --trust what vouches for them: the administrator's public key, or
the fingerprints of the servers. Without anything that vouches for a server lm does not talk to
it, unless --insecure says so.

Several pools, parted by semicolons, are tried in order.

With the vendor's public key (--vendor-key) lm also checks the chain from the vendor's signature
to the seat.`;

const DURATIONS = `
A duration is a whole number and a unit: 500ms, 30s, 10m, 8h, 30d. A date is written 2027-01-31,
in UTC, or with a time and a zone: 2027-01-31T18:00:00+02:00. Times are printed as ISO 8601 with
their zone.`;

const OUTPUT = `
Standard output carries data, standard error messages and progress. With --json a command prints
one JSON document and nothing else on standard output. Characters that could steer a terminal are
escaped.

A failure is one line that says what happened and one that says what to do next; with --json it is
an object {"error": {"code", "message", "hint"}} on standard output, which may hold more fields.
The codes are those in brackets under EXIT STATUS.`;

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['LM_POOL', 'Pool cards, or folders of cards, parted by semicolons; --pool.'],
  [
    'LM_SERVERS',
    'Servers, HOST:PORT parted by commas, instead of a card; pools are parted by semicolons, and ' +
      'an IPv6 address stands in brackets; --servers.',
  ],
  ['LM_TRUST', 'What vouches for LM_SERVERS: an administrator key or fingerprints; --trust.'],
  ['LM_VENDOR_KEY', "The vendor's public key, to check the chain from it to a seat; --vendor-key."],
  ['LM_KEY', 'The key of a seat, for `lm release` and `lm renew`.'],
  ['LM_WAIT', 'How long to wait for a seat; --wait.'],
  ['LM_DATA', 'The data directory of a server; --data.'],
  ['LM_RLF', 'The RLF that a server offers to its pool; --rlf of `lm serve`.'],
  ['LM_REJOIN', 'Where it is true a server takes a new key and joins anew; --rejoin.'],
  ['LM_LISTEN', 'The address a server listens on; --listen.'],
  ['LM_LOG_LEVEL', 'The least severe lines that a server logs; --log-level.'],
  ['LM_ADMIN_KEY', "The file of the administrator's private key; --key."],
  ['NO_COLOR', 'Where it is set nothing is colored.'],
  ['XDG_STATE_HOME', 'Where the state of programs is kept; see FILES.'],
];

const FILES: readonly (readonly [string, string])[] = [
  ['/etc/lm/pools/*.pool', 'The cards of the pools that this host uses.'],
  ['pool.toml', 'The RLF, a text to keep under version control; `lm pool init` makes one.'],
  [
    'admin.key',
    "The administrator's private key, the root of all trust: keep it, and a copy of it, off the " +
      'servers.',
  ],
  ['lm.mdb', 'The database in the data directory of a server. Who the server is lies in it too.'],
  [
    '~/.local/state/lm/seen/',
    'What a user has seen of each pool, so that a server that was set back is noticed; under ' +
      'XDG_STATE_HOME where that is set.',
  ],
];

const EXAMPLES: readonly (readonly [string, string])[] = [
  ['Try it, with everything made up:', 'lm dev'],
  [
    'Set up a pool of one server, and start it:',
    'lm pool init site A=license.example.com\nlm serve --data site/servers/A --rlf site/pool.toml',
  ],
  [
    'Put a license into force, and run a program that holds a seat of it:',
    'lm rlf add application.lic --rlf site/pool.toml\nkill -HUP "$SERVER"\n' +
      'lm exec --pool site/site.pool --app Application -- ./simulate model.dat',
  ],
];
