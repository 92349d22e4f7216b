/** The argument and the flags by which commands say which seats are meant. */

import { SEATS_PER_REQUEST_MAX } from '../../engine/limits.ts';
import type { RequestOptions } from '../../net/client/request-options.ts';
import { durationFlag } from './duration.ts';
import { Args, Flags } from './oclif.ts';

export const applicationArg = Args.string({
  description: 'The application, as its license names it.',
  ignoreStdin: true,
  name: 'APPLICATION',
  required: true,
});

export const seatFlags = {
  version: Flags.string({
    description: 'Version that is to run, such as 2.0. Default: any that is licensed.',
    helpValue: 'V',
  }),
  vendor: Flags.string({
    description: 'Vendor, where several license an application of this name.',
    helpValue: 'NAME',
  }),
  count: Flags.integer({
    char: 'n',
    description: 'Seats to ask for, all or none.',
    default: 1,
    min: 1,
    max: SEATS_PER_REQUEST_MAX,
    helpValue: 'N',
  }),
  wait: durationFlag({
    description: 'Wait this long, in the line or for a server; then exit 124.',
    env: 'LM_WAIT',
  }),
};

export interface SeatFlags {
  readonly version: string | undefined;
  readonly vendor: string | undefined;
  readonly count: number;
  readonly wait: number | undefined;
}

export function requestOf(application: string, flags: SeatFlags): RequestOptions {
  const { version, vendor, count, wait: waitMs } = flags;
  return { application: application.normalize('NFC'), version, vendor, count, waitMs };
}
