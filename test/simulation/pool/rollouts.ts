/**
 * What is due to servers, as the newest state has it: between two RLFs, and two dates of codes, it
 * only shrinks, so that every rollout ends (DESIGN section 9).
 */
import type { Accounts } from '../../../src/engine/ledger/accounts.ts';
import type { LedgerState } from '../../../src/engine/ledger/state.ts';
import { check } from '../failure.ts';

interface Rollout {
  /** It was not known yet what is due. */
  readonly isOpen: boolean;
  readonly due: ReadonlyMap<string, number>;
}

export class Rollouts {
  #rollouts: ReadonlyMap<string, Rollout> = new Map();
  /** The RLF and the mark that they were seen at. */
  #seenAt = '';

  /** The newest state of any server is this now. */
  newest({ accounts, rlf, mark }: Pick<LedgerState, 'accounts' | 'rlf' | 'mark'>): void {
    const seenAt = `${rlf.sequence} ${mark}`;
    if (seenAt === this.#seenAt) for (const one of accounts.values()) this.#check(one);
    this.#seenAt = seenAt;
    this.#rollouts = new Map([...accounts].map(([license, one]) => [license, rolloutOf(one)]));
  }

  #check({ license, redistribution }: Accounts): void {
    const before = this.#rollouts.get(license);
    if (before === undefined || before.isOpen) return;
    for (const [server, due] of redistribution.due) {
      const was = before.due.get(server) ?? 0;
      const isLess = Math.sign(due) === Math.sign(was) && Math.abs(due) <= Math.abs(was);
      check(isLess, 'what is due only shrinks', () => ({ license, server, due, was }));
    }
  }
}

function rolloutOf({ redistribution: { due, isUnderWay } }: Accounts): Rollout {
  return { isOpen: isUnderWay && due.size === 0, due: new Map(due) };
}
