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
  /** Set where another server relays for it: that server's id, and its number for the message. */
  readonly relay?: { readonly origin: string; readonly number: number };
}
