/** A connection of a client, as the server's node loop answers it. */

import type { Answerable } from '../../src/net/node.ts';
import type { ServerMessage } from '../../src/net/protocol.ts';
import type { SimulatedClient } from './client.ts';
import type { Process } from './server.ts';

/** What the simulation does with what the server says. */
export interface Delivery {
  /** The server promised this: from now on somebody may rely on it. */
  promised(connection: Connection, message: ServerMessage): void;
  deliver(connection: Connection, messages: readonly ServerMessage[]): void;
}

export class Connection implements Answerable {
  readonly number: number;
  readonly instance: string;
  readonly user: string;
  readonly host = 'host';
  readonly pid: number;
  readonly address = '127.0.0.1:1';
  readonly client: SimulatedClient;
  readonly #delivery: Delivery;
  #unsent: ServerMessage[] = [];
  /** The process that took it, once a message arrived there. */
  process: Process | null = null;
  /** Either end closed it. */
  closed = false;

  constructor(client: SimulatedClient, number: number, instance: string, delivery: Delivery) {
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
