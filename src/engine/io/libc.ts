import { dlopen, type FFIFunction } from 'bun:ffi';
import { LmError } from '../errors.ts';

/** Functions of the C library that Bun has no call for. */
export function libc<Functions extends Record<string, FFIFunction>>(functions: Functions) {
  try {
    return dlopen('libc.so.6', functions).symbols;
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    throw new LmError(
      'config',
      `The C library of this system can't be used: ${why}`,
      'lm needs Linux with glibc 2.17 or later.',
    );
  }
}
