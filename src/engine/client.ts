/** A client's connection, as the core knows it. The socket behind it is not its business. */
export interface Client {
  /** Unique over the life of the process. */
  readonly number: number;
  /** Holder: one client instance, `idText` of its 16 bytes. */
  readonly instance: string;
  /** For people; nothing is decided by these. */
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  readonly address: string;
}
