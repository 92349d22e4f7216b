/** The public face of the client library: `import { LicenseClient } from 'lm'`. */
export { type ErrorCode, type ErrorDetails, LmError } from '../../engine/errors.ts';
export type { ServerNow, SignedAct } from './act.ts';
export type { WaitingNews } from './ask.ts';
export type { BootClock } from './boot-clock.ts';
export type { CheckedIn } from './commuter/check-in.ts';
export type { CheckedOut } from './commuter/check-out.ts';
export type { OfflineSeat } from './commuter/offline-seat.ts';
export type { Holder } from './holder.ts';
export { type ClientOptions, LicenseClient, type RenewedSeat } from './license-client.ts';
export type { StatusOptions } from './pool-status.ts';
export type { Returned } from './releaser.ts';
export type { CommuteOptions, RequestOptions } from './request-options.ts';
export type { Seat, SeatEvents } from './seat.ts';
export type { Authorization, StatusDocument, StatusFilter } from './status.ts';
export type { Environment, TrustOptions } from './trust.ts';
export type { Place } from './waiter.ts';
export type { Verdict, WhyDocument, WhyOptions } from './why.ts';
