/**
 * A member in a process of its own, so that it can be killed: its key comes as JSON in the
 * environment, the port it listens on goes out on a line.
 */
import type { Identity } from '../../src/net/identity.ts';
import { Member } from './member.ts';

const { identity, port, knows } = JSON.parse(process.env['MEMBER'] ?? '') as {
  readonly identity: Identity;
  readonly port: number;
  readonly knows: Parameters<Member['knows']>[0][];
};
const member = await Member.start({ name: 'B', identity, port });
member.knows(...knows);
process.stdout.write(`${member.port}\n`);
