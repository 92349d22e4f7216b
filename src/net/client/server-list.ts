/**
 * The servers of one pool as its client knows them: the card's at first, then what a trusted server
 * names; whose TLS keys are trusted; and which server is to be dialled first.
 */
import { LmError } from '../../engine/errors.ts';
import { addressProblem, formatAddress, parseAddress } from '../../engine/license/address.ts';
import type { Connection } from './connection.ts';
import type { PoolTrust, Target } from './trust.ts';

export class ServerList {
  readonly #trust: PoolTrust;
  #targets: readonly Target[];
  #pins: ReadonlySet<string>;
  /** HOST:PORT, dialled first: the last one that was good. */
  #preferred: string | null = null;

  constructor(trust: PoolTrust) {
    this.#trust = trust;
    this.#targets = trust.targets;
    this.#pins = new Set(trust.pins);
  }

  /** In leader-priority order. */
  get targets(): readonly Target[] {
    return this.#targets;
  }

  /** The server of this name, or null where it is not known. */
  named(server: string): Target | null {
    return this.#targets.find((target) => target.server === server) ?? null;
  }

  prefer(address: string): void {
    this.#preferred = address;
  }

  /** For the first dialling: what was found good since counts for more. */
  suggest(server: string): void {
    const target = this.named(server);
    if (target !== null) this.#preferred ??= addressOf(target);
  }

  /**
   * The order to dial in: the last good server first, then those behind it in the list, and around.
   * Who left a server for the next one, and finds that dead, does not come back to the first.
   */
  order(): readonly Target[] {
    const all = this.#targets;
    const first = all.findIndex((target) => addressOf(target) === this.#preferred);
    return first === -1 ? all : [...all.slice(first), ...all.slice(0, first)];
  }

  /** The one behind `address` in the list, and around; null where there is no other. */
  after(address: string): string | null {
    const all = this.#targets.map(addressOf);
    const next = all[(all.indexOf(address) + 1) % all.length];
    return next === undefined || next === address ? null : next;
  }

  /** A trusted server names the pool's servers of now; those of the start stay as a last resort. */
  learn({ servers }: Connection): void {
    const listed: Target[] = servers
      .filter(([, address]) => addressProblem(address) === null)
      .map(([name, address]) => ({ server: name, address: parseAddress(address) }));
    const known = new Set(listed.map(addressOf));
    const others = this.#trust.targets.filter((target) => !known.has(addressOf(target)));
    this.#targets = [...listed, ...others];
    // Also by one that is on its way out, and names the others only.
    if (this.#pins.size === 0) return;
    this.#pins = new Set([...this.#pins, ...servers.map(([, , fingerprint]) => fingerprint)]);
  }

  /** Why a server that shows this key must not be spoken to, or null. */
  refusal(fingerprint: string, address: string): LmError | null {
    if (this.#pins.size === 0 || this.#pins.has(fingerprint)) return null;
    return new LmError(
      'untrusted',
      `The server at ${address} shows the key ${fingerprint}, ` +
        `which ${this.#trust.source} does not name.`,
      'Check the address; if the server was replaced, get the pool card anew.',
      { address, fingerprint },
    );
  }
}

export function addressOf({ address }: Target): string {
  return formatAddress(address);
}
