/** A client's connection to one server of a pool. */
import { Connection, type Delivery } from '../connection.ts';
import type { Path } from '../network.ts';
import type { PoolClient } from './client.ts';
import type { PoolProcess, PoolServer } from './server.ts';

export class PoolConnection extends Connection<PoolClient, PoolProcess> {
  readonly server: PoolServer;
  readonly path: Path;

  constructor(
    between: { readonly client: PoolClient; readonly server: PoolServer; readonly path: Path },
    { number, instance }: { readonly number: number; readonly instance: string },
    delivery: Delivery<PoolConnection>,
  ) {
    super(between.client, number, instance, {
      promised: (_, message) => delivery.promised(this, message),
      deliver: (_, messages) => delivery.deliver(this, messages),
    });
    this.server = between.server;
    this.path = between.path;
  }
}
