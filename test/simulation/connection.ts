/** A connection of a client, as the server's node loop answers it. */

import type { Answerable } from '../../src/net/node.ts';
import type { ServerMessage } from '../../src/net/protocol.ts';
import type { SimulatedClient } from './client.ts';
import type { Process } from './server.ts';

/** What the simulation does with what the server says. */
export interface Delivery<C> {
  /** The server promised this: from now on somebody may rely on it. */
  promised(connection: C, message: ServerMessage): void;
  deliver(connection: C, messages: readonly ServerMessage[]): void;
}

/** `C`: the client it is of; `P`: a run of a server that can take it. */
export class Connection<C extends { readonly name: string } = SimulatedClient, P = Process>
  implements Answerable
{
  readonly number: number;
  readonly instance: string;
  readonly user: string;
  readonly host = 'host';
  readonly pid: number;
  readonly address = '127.0.0.1:1';
  readonly client: C;
  readonly #delivery: Delivery<Connection<C, P>>;
  #unsent: ServerMessage[] = [];
  /** The process that took it, once a message arrived there. */
  process: P | null = null;
  /** Either end closed it. */
  closed = false;

  constructor(client: C, number: number, instance: string, delivery: Delivery<Connection<C, P>>) {
    this.client = client;
    this.number = number;
    this.instance = instance;
    this.user = client.name;
    this.pid = number;
    this.#delivery = delivery;
  }

  send(message: ServerMessage): void {
    this.#delivery.promised(this, message);
    this.#unsent.push(message);
  }

  flush(): void {
    const messages = this.#unsent;
    this.#unsent = [];
    this.#delivery.deliver(this, messages);
  }
}
