/** The servers as the ledger knows them: fenced, opened, returned (DESIGN section 6). */
import type { Accounts } from './accounts.ts';
import type { Author } from './entries.ts';

export interface ServerState {
  readonly id: string;
  /** Of its newest return. */
  boot: number;
  /** Index of the newest `fenced` entry about it, or null. */
  fence: number | null;
  /**
   * Index of its newest return; null while it is fenced. A session is what a server may issue and
   * propose in: tickets and proposals name theirs.
   */
  session: number | null;
  /** Number of its last proposal in this session. */
  proposal: number;
}

export class Servers {
  readonly #servers = new Map<string, ServerState>();

  get(server: string): ServerState | undefined {
    return this.#servers.get(server);
  }

  isFenced(server: string): boolean {
    const known = this.#servers.get(server);
    return known !== undefined && known.fence !== null && known.session === null;
  }

  /** Fenced, and its keys of this license have ended: its row may be lent without its consent. */
  isOpened(server: string, { opened }: Accounts): boolean {
    const fence = this.#servers.get(server)?.fence ?? null;
    return fence !== null && this.isFenced(server) && (opened.get(server) ?? 0) > fence;
  }

  /** False, and nothing changes, where it is fenced already. */
  fenced(server: string, index: number): boolean {
    const known = this.#servers.get(server);
    if (known !== undefined && known.session === null && known.fence !== null) return false;
    const boot = known?.boot ?? 0;
    this.#servers.set(server, { id: server, boot, fence: index, session: null, proposal: 0 });
    return true;
  }

  /** By this entry, whatever was known of it: what it did since then is not known. */
  fencedAnew(server: string, index: number): void {
    const boot = this.#servers.get(server)?.boot ?? 0;
    this.#servers.set(server, { id: server, boot, fence: index, session: null, proposal: 0 });
  }

  /** False unless it answers the newest fence and no earlier start. */
  returned(
    { server, boot, fence }: { server: string; boot: number; fence: number | null },
    index: number,
  ): boolean {
    const known = this.#servers.get(server);
    if (known !== undefined && (known.fence !== fence || known.boot > boot)) return false;
    if (known === undefined && fence !== null) return false;
    this.#servers.set(server, { id: server, boot, fence, session: index, proposal: 0 });
    return true;
  }

  /** Takes a proposal's number. False unless it is the next of the server's session. */
  takes({ server, session, number }: Author): boolean {
    const known = this.#servers.get(server);
    if (known === undefined || known.session !== session) return false;
    if (number !== known.proposal + 1) return false;
    known.proposal = number;
    return true;
  }

  record(): unknown[] {
    return [...this.#servers.values()]
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map(({ id, boot, fence, session, proposal }) => [id, boot, fence, session, proposal]);
  }

  restore(record: unknown): void {
    this.#servers.clear();
    for (const [id, boot, fence, session, proposal] of record as ServerRecord[]) {
      this.#servers.set(id, { id, boot, fence, session, proposal });
    }
  }
}

type ServerRecord = [
  id: string,
  boot: number,
  fence: number | null,
  session: number | null,
  proposal: number,
];
