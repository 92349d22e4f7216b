/** Which protocol two sides speak, and what is said where there is none. */
import { describe, expect, test } from 'bun:test';
import type { LmError } from '../../src/engine/errors.ts';
import { PEER_REDIAL_MS_MAX } from '../../src/engine/limits.ts';
import { commonProtocol } from '../../src/net/common-protocol.ts';
import { createIdentity } from '../../src/net/identity.ts';
import { peerHello } from '../../src/net/peer-hello.ts';
import type { Hello } from '../../src/net/protocol.ts';
import { until } from '../client/until.ts';
import { startMember } from './harness.ts';
import { Member } from './member.ts';

function helloOf(min: number, max: number, role: 'client' | 'peer'): Hello {
  const greeting = { boot: 1, transaction: 1, start: 1, uptimeMs: 1 };
  const hello = peerHello({ pool: 'east', name: 'B', fingerprint: '00'.repeat(16), greeting });
  const spoken: unknown[] = [...hello];
  spoken.splice(2, 3, min, max, role);
  return spoken as unknown as Hello;
}

describe('the highest that both speak', () => {
  for (const [min, max] of [
    [1, 1],
    [0, 1],
    [1, 9],
    [0, 900],
  ] as const) {
    test(`of ${min} to ${max}`, () => {
      for (const role of ['client', 'peer'] as const) {
        expect(commonProtocol(helloOf(min, max, role), 'A')).toBe(1);
      }
    });
  }
});

describe('where there is none it is said whose lm is older', () => {
  const cases = [
    [2, 3, 'client', 'the client speaks 2 to 3, server A 1. The older one is server A.'],
    [0, 0, 'client', 'the client speaks 0, server A 1. The older one is the client.'],
    [2, 2, 'peer', 'server B speaks 2, server A 1. The older one is server A.'],
    [0, 0, 'peer', 'server B speaks 0, server A 1. The older one is server B.'],
  ] as const;
  for (const [min, max, role, words] of cases) {
    test(`${role} of ${min} to ${max}`, () => {
      const expected = { code: 'protocol', exitCode: 76, message: expect.stringContaining(words) };
      let thrown: unknown;
      try {
        commonProtocol(helloOf(min, max, role), 'A');
      } catch (error) {
        thrown = error;
      }
      expect(thrown as LmError).toMatchObject(expected);
    });
  }
});

test('two servers without one say so in both logs, and redial no faster than at any other time', async () => {
  const [a, identity] = await Promise.all([startMember({ name: 'A' }), createIdentity('B')]);
  let dials = 0;
  const b = await Member.start({
    name: 'B',
    identity,
    hello: (hello) => {
      dials++;
      const later: unknown[] = [...hello];
      later.splice(2, 2, 2, 3);
      return later as unknown as Hello;
    },
  });
  try {
    const began = performance.now();
    for (const member of [a, b]) member.knows(a.server, b.server);
    await until(() => a.logged('a server was refused').length > 0, 'A says whom it refused');
    await until(() => b.logged('no agreement on a link to a server').length > 0, 'B says why');
    await until(() => dials >= 6, 'it was dialled again and again');
    // 50, 100, 200, 400 and 800 ms after each other, or half of that; one of them by a nudge.
    expect(performance.now() - began).toBeGreaterThan(PEER_REDIAL_MS_MAX / 2);
    const reasons = [...a.log, ...b.log].flatMap(({ level, fields }) => {
      return level === 'warn' && fields['code'] === 'protocol' ? [fields['reason']] : [];
    });
    expect(reasons.length).toBe(2);
    for (const reason of reasons) expect(reason).toContain('The older one is server A.');
  } finally {
    b.stop();
  }
});
