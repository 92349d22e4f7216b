/**
 * Whether the format of the pool can be raised (docs/ARCHITECTURE.md, "Versions"): only to one that
 * all servers understand, and not while one of them can't be asked. It may come back with an
 * earlier version of lm.
 */
import { LmError } from '../errors.ts';
import type { RlfServer } from '../license/types.ts';
import type { Program } from '../program.ts';
import type { Pool } from './pool.ts';

/** What runs there, as the leader heard in its acks; null where it is down, or not known here. */
export function programOf(pool: Pool, { fingerprint: id }: RlfServer): Program | null {
  if (id === pool.server) return pool.program;
  return pool.leads && pool.isUp(id) ? pool.picture.peer(id).program : null;
}

/** The highest format that all servers understand; null while not all of them are known. */
export function formatAvailable(pool: Pool): number | null {
  const formats = pool.state.members.all.map((server) => programOf(pool, server)?.format);
  return formats.every((format) => format !== undefined) ? Math.min(...formats) : null;
}

/**
 * What the leader may raise the format to; the one in force where no server knows of a later one.
 *
 * @throws LmError `config`, or `unreachable`, that names the servers in the way.
 */
export function formatToRaise(pool: Pool): number {
  const { all } = pool.state.members;
  const { current } = pool.state.format;
  const known = all.map((server) => ({ server, program: programOf(pool, server) }));
  const newest = Math.max(...known.map(({ program }) => program?.format ?? current));
  if (newest === current) return current;
  const available = formatAvailable(pool);
  if (available !== null && available > current) return available;
  const servers = known.map(({ server: { name }, program }) => ({ name, ...program }));
  const later = (program: Program | null) => program !== null && program.format > current;
  const inTheWay = known.filter(({ program }) => !later(program));
  const words = inTheWay.map(({ server: { name }, program }) => {
    if (program === null) return `${name} is not up`;
    return `${name} runs lm ${program.version}, which understands format ${program.format}`;
  });
  const isDown = inTheWay.some(({ program }) => program === null);
  throw new LmError(
    isDown ? 'unreachable' : 'config',
    `The pool keeps format ${current}: ${words.join('; ')}.`,
    isDown
      ? 'Start all servers of the RLF, with the later version of lm, or take them out of the RLF.'
      : 'Start these servers with the later version of lm, and try again.',
    { format: current, servers },
  );
}
