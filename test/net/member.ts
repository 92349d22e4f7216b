/** A server of a pool without its core: listener and links, and a record of what came of them. */
import type { RlfServer } from '../../src/engine/license/types.ts';
import type { PeerGreeting, PeerMessage } from '../../src/engine/peer-messages.ts';
import { commonProtocol } from '../../src/net/common-protocol.ts';
import { createIdentity, type Identity } from '../../src/net/identity.ts';
import { type Listener, listen } from '../../src/net/listener.ts';
import { greetingFields, peerHello } from '../../src/net/peer-hello.ts';
import { type PeerEvent, PeerLinks } from '../../src/net/peer-links.ts';
import { type Hello, MessageType } from '../../src/net/protocol.ts';

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface MemberOptions {
  readonly name: string;
  readonly identity?: Identity;
  readonly pool?: string;
  readonly port?: number;
  readonly greeting?: PeerGreeting;
  /** What it says in the place of its hello. */
  readonly hello?: (hello: Hello) => Hello;
  readonly random?: () => number;
  readonly onEvent?: (event: PeerEvent) => void;
}

export class Member {
  readonly events: PeerEvent[] = [];
  readonly log: LogLine[] = [];
  readonly identity: Identity;
  readonly links: PeerLinks;
  readonly #options: MemberOptions;
  readonly #listener: Listener;

  private constructor(options: MemberOptions, identity: Identity) {
    this.#options = options;
    this.identity = identity;
    const {
      name,
      pool = 'east',
      greeting = { boot: 1, transaction: 1, start: 5, uptimeMs: 1 },
    } = options;
    const { fingerprint } = identity;
    this.links = new PeerLinks(
      {
        identity,
        hello: () => {
          const own = peerHello({ pool, name, fingerprint, greeting });
          return options.hello?.(own) ?? own;
        },
        welcome: (hello) => {
          const about = [commonProtocol(hello, name), pool, name, 1, 'digest', 1, []] as const;
          return [MessageType.welcome, hello[1], ...about, greetingFields(greeting)] as never;
        },
        receive: (event) => {
          this.events.push(event);
          options.onEvent?.(event);
        },
        refused: () => undefined,
        random: options.random ?? Math.random,
        log: (level, message, fields = {}) => this.log.push({ level, message, fields }),
      },
      { pool, sequence: 1, servers: [] },
    );
    this.#listener = listen({
      host: '127.0.0.1',
      port: options.port ?? 0,
      identity,
      now: () => performance.now(),
      handler: {
        welcome: ([, sequence]) => [MessageType.welcome, sequence, 1, pool, name, 1, '', 1, []],
        receive: () => undefined,
        closed: () => undefined,
        acceptPeer: (arrival) => this.links.accept(arrival),
        refused: ({ address, role }, error) => {
          if (role === 'peer') this.links.noteRefusal(address, error);
          else this.log.push({ level: 'warn', message: 'a client was refused', fields: {} });
        },
      },
    });
  }

  static async start(options: MemberOptions): Promise<Member> {
    return new Member(options, options.identity ?? (await createIdentity(options.name)));
  }

  get id(): string {
    return this.identity.fingerprint;
  }

  get port(): number {
    return this.#listener.port;
  }

  /** As an RLF names it. */
  get server(): RlfServer {
    const { name } = this.#options;
    return { name, address: `127.0.0.1:${this.port}`, fingerprint: this.id };
  }

  /** An RLF with these servers is in force. */
  knows(...servers: readonly RlfServer[]): void {
    const { pool = 'east' } = this.#options;
    this.links.update({ pool, sequence: 1, servers });
  }

  isLinkedTo({ id }: { readonly id: string }): boolean {
    return this.links.linked.includes(id);
  }

  of<Type extends PeerEvent['type']>(type: Type): Extract<PeerEvent, { readonly type: Type }>[] {
    return this.events.filter(
      (event): event is Extract<PeerEvent, { readonly type: Type }> => event.type === type,
    );
  }

  get messages(): PeerMessage[] {
    return this.of('peer').map(({ message }) => message);
  }

  logged(message: string): LogLine[] {
    return this.log.filter((line) => line.message === message);
  }

  stop(): void {
    this.links.close();
    this.#listener.close();
  }
}

export function transferTo(id: string): PeerMessage {
  return { type: 'transfer', to: id };
}
