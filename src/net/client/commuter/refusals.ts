/** Why a commuter's file is no seat to run on. */
import { LmError } from '../../../engine/errors.ts';
import type { CommuterFile } from './file.ts';
import type { CommuterToken } from './token.ts';

export function over({ application, version, end }: CommuterToken): LmError {
  const at = new Date(end).toISOString();
  const message = `The commuted seat of ${application} ${version} ended at ${at}.`;
  return new LmError('expired', message, 'Check a seat out anew: lm commute out.', { end: at });
}

/** Why a file is no seat now. */
export function notValid(path: string, file: CommuterFile | null): LmError {
  if (file === null) return new LmError('config', `There is no file ${path}.`, 'Check the path.');
  if (file.phase === 'pending') {
    const message = `The check-out to ${path} was not finished.`;
    return new LmError('config', message, 'Run the same lm commute out again.');
  }
  const message = `The seat of ${path} was checked in: it is used no more.`;
  const reason = { reason: 'checked-in' };
  return new LmError('not-authorized', message, 'Check one out anew: lm commute out.', reason);
}
