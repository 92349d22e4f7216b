/** One-at-a-time membership change and majorities (dissertation §4.1, §4.2.1). */
import type { ConfigurationChange, ProposalRefusal } from './events.ts';
import type { Configuration, ServerId } from './types.ts';

export function majority({ voters, unanimous }: Configuration): number {
  if (unanimous === true) return voters.length;
  return Math.floor(voters.length / 2) + 1;
}

/** The highest number that a majority of the voters has reached; 0 where there are no voters. */
export function reachedByMajority(
  configuration: Configuration,
  reached: (id: ServerId) => number,
): number {
  const values = configuration.voters.map(reached).sort((a, b) => b - a);
  return values[majority(configuration) - 1] ?? 0;
}

export type VoteResult = 'won' | 'lost' | 'pending';

/** Only votes of voters count, whoever else answered. */
export function tally(
  configuration: Configuration,
  votes: ReadonlyMap<ServerId, boolean>,
): VoteResult {
  const { voters } = configuration;
  const needed = majority(configuration);
  const granted = voters.filter((id) => votes.get(id) === true).length;
  const refused = voters.filter((id) => votes.get(id) === false).length;
  if (voters.length > 0 && granted >= needed) return 'won';
  return voters.length - refused < needed ? 'lost' : 'pending';
}

/** The configuration after a change, or why there is none. Any two majorities of both overlap. */
export function changed(
  { voters, learners }: Configuration,
  { action, server }: ConfigurationChange,
): Configuration | ProposalRefusal {
  const isVoter = voters.includes(server);
  const isLearner = learners.includes(server);
  switch (action) {
    case 'add-learner':
      if (isVoter || isLearner) return 'already-member';
      return { voters, learners: [...learners, server].sort() };
    case 'promote':
      if (isVoter) return 'already-member';
      if (!isLearner) return 'no-such-server';
      return { voters: [...voters, server].sort(), learners: without(learners, server) };
    case 'remove':
      if (!isVoter && !isLearner) return 'no-such-server';
      if (isVoter && voters.length === 1) return 'last-voter';
      return { voters: without(voters, server), learners: without(learners, server) };
  }
}

function without(list: readonly ServerId[], server: ServerId): ServerId[] {
  return list.filter((id) => id !== server);
}
