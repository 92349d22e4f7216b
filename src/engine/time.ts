/**
 * Time as the core sees it: data that comes with each event. Durations are measured on `boot`
 * (milliseconds, counts suspend); `wall` (milliseconds since 1970) serves license dates and people.
 */
export interface Time {
  readonly boot: number;
  readonly wall: number;
}
