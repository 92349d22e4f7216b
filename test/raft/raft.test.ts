import { describe, expect, test } from 'bun:test';
import type { Effects, Event, Notice } from '../../src/engine/raft/events.ts';
import { attach, type LeaderMessage, type Message } from '../../src/engine/raft/messages.ts';
import {
  type CampaignContext,
  DURATIONS,
  RAFT_LIMITS,
  type RaftOptions,
} from '../../src/engine/raft/options.ts';
import { Raft } from '../../src/engine/raft/raft.ts';
import { foundingState } from '../../src/engine/raft/types.ts';

const VOTERS = ['A', 'B', 'C'];

function optionsOf(id: string): RaftOptions {
  return { id, durations: DURATIONS, limits: RAFT_LIMITS, campaignDelayMs: () => 100 };
}

/** Steps, and says at once that the records are on disk. */
function stepAndFlush(raft: Raft, event: Event): Effects[] {
  const effects = raft.step(event);
  if (effects.records === null) return [effects];
  const { batch } = effects.records;
  return [effects, ...stepAndFlush(raft, { now: event.now, type: 'persisted', batch })];
}

function noticesOf(effects: readonly Effects[], type: Notice['type']): Notice[] {
  return effects.flatMap(({ notices }) => notices).filter((notice) => notice.type === type);
}

/** A pool whose messages arrive at once; the attachment of each names its sender. */
class Pool {
  readonly servers = new Map(
    VOTERS.map((id) => [id, new Raft(optionsOf(id), foundingState(VOTERS), 0)]),
  );
  readonly effects: Effects[] = [];

  step(id: string, event: Event): void {
    const raft = this.servers.get(id);
    if (raft === undefined) throw new Error(`no server ${id}`);
    const all = stepAndFlush(raft, event);
    this.effects.push(...all);
    const messages = all.flatMap((effects) => effects.messages);
    attach(messages, ({ from }) => new TextEncoder().encode(from));
    for (const message of messages) {
      this.step(message.to, { now: event.now, type: 'message', message });
    }
  }
}

describe('Raft', () => {
  test('delivers attachments both ways, with round and term', () => {
    const pool = new Pool();
    pool.step('A', { now: 0, type: 'campaign' });
    pool.effects.length = 0;
    pool.step('A', { now: DURATIONS.heartbeatMs, type: 'tick' });
    const from = (notice: Notice): string =>
      'attachment' in notice ? new TextDecoder().decode(notice.attachment ?? undefined) : '';
    const heard = noticesOf(pool.effects, 'heard');
    expect(heard.map(from)).toEqual(['A', 'A']);
    const acked = noticesOf(pool.effects, 'acked');
    expect(acked.map(from)).toEqual(['B', 'C']);
    expect(acked[0]).toMatchObject({ from: 'B', term: 2, round: 2 });
    expect(pool.servers.get('A')?.quorumRound).toBe(2);
  });

  test('the round of a majority counts, not the newest', () => {
    const pool = new Pool();
    pool.step('A', { now: 0, type: 'campaign' });
    const leader = pool.servers.get('A');
    leader?.step({ now: DURATIONS.heartbeatMs, type: 'tick' });
    expect(leader?.status.round).toBe(2);
    expect(leader?.quorumRound).toBe(1);
    expect(pool.servers.get('B')?.quorumRound).toBe(0);
  });

  test('a pool of one acks its own rounds', () => {
    const raft = new Raft(optionsOf('A'), foundingState(['A']), 0);
    stepAndFlush(raft, { now: 100, type: 'tick' });
    expect(raft.status).toMatchObject({ role: 'leader', established: true, committed: 2 });
    expect(raft.quorumRound).toBe(1);
  });

  test('a disk that was set back is named, not served', () => {
    const raft = new Raft(optionsOf('B'), foundingState(VOTERS), 0);
    const message: LeaderMessage = {
      ...{ type: 'heartbeat', from: 'A', to: 'B', term: 2, round: 1 },
      ...{ attachment: null, commit: 9 },
    };
    expect(() => raft.step({ now: 1, type: 'message', message })).toThrow('lost entries');
  });

  test('two leaders of one term are a defect', () => {
    const pool = new Pool();
    pool.step('A', { now: 0, type: 'campaign' });
    const message: Message = {
      ...{ type: 'heartbeat', from: 'B', to: 'A', term: 2, round: 1 },
      ...{ attachment: null, commit: 1 },
    };
    const raft = pool.servers.get('A');
    expect(() => raft?.step({ now: 1, type: 'message', message })).toThrow('one leader a term');
  });

  test('time that runs back counts as the last time', () => {
    const raft = new Raft(optionsOf('A'), foundingState(['A']), 1_000);
    stepAndFlush(raft, { now: 1_100, type: 'tick' });
    const before = raft.status.round;
    raft.step({ now: 0, type: 'tick' });
    expect(raft.status.round).toBe(before);
  });

  test('the rules are asked for the delay, with cause, round and last leader', () => {
    const asked: CampaignContext[] = [];
    const campaignDelayMs = (context: CampaignContext): number => {
      asked.push(context);
      return 100;
    };
    const raft = new Raft({ ...optionsOf('B'), campaignDelayMs }, foundingState(VOTERS), 0);
    raft.step({ now: 50, type: 'reconsider' });
    const message: Message = {
      ...{ type: 'heartbeat', from: 'A', to: 'B', term: 2, round: 1 },
      ...{ attachment: null, commit: 1 },
    };
    raft.step({ now: 60, type: 'message', message });
    const { wakeAt } = raft.step({ now: 70, type: 'gone', peer: 'A' });
    expect(wakeAt).toBe(170);
    raft.step({ now: 170, type: 'tick' });
    raft.step({ now: 170 + DURATIONS.electionMs, type: 'tick' });
    expect(asked.map(({ cause }) => cause)).toEqual(['start', 'start', 'gone', 'retry']);
    expect(asked.at(-1)).toMatchObject({ round: 1, lastLeader: 'A', objected: false, term: 2 });
  });

  test('only what was handed out can be said to be on disk', () => {
    const raft = new Raft(optionsOf('A'), foundingState(['A']), 0);
    expect(() => raft.step({ now: 0, type: 'persisted', batch: 7 })).toThrow('handed out');
  });
});
