/** Members of a pool that end with their test. */
import { afterEach } from 'bun:test';
import { Member, type MemberOptions } from './member.ts';

const members: Member[] = [];
afterEach(() => {
  for (const member of members.splice(0)) member.stop();
});

export async function startMember(options: MemberOptions): Promise<Member> {
  const member = await Member.start(options);
  members.push(member);
  return member;
}
