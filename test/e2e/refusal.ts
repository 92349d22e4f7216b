/** How lm says no: one line what happened, one what to do, an exit code, and no stack trace. */
import { expect } from 'bun:test';
import type { Ran } from '../commands/run-lm.ts';

/** What could move a cursor, hide text or turn it around; a newline ends a line, and is no harm. */
export const UNSAFE = /[^\P{Cc}\n]|[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/u;

/** Expects a refusal of this kind; `says` is looked for in what it says. */
export function expectRefusal(ran: Ran, code: number, says = ''): void {
  const { stdout, stderr } = ran;
  expect({ code: ran.code, stdout, stderr }).toEqual({
    code,
    stdout: '',
    stderr: expect.stringMatching(/^lm: [^\n]+\n( {4}[^\n]+\n)?$/),
  });
  expect(stderr).toContain(says);
  expect(stderr).not.toMatch(UNSAFE);
  expect(stderr).not.toMatch(/^ *at /m);
}

/** The same of a command that was given `--json`. */
export function expectJsonRefusal(ran: Ran, exit: number, code: string): void {
  const { error } = JSON.parse(ran.stdout) as { error: Record<string, unknown> };
  expect([ran.code, error['code']]).toEqual([exit, code]);
  expect(error['message']).toBeString();
  expect(error['hint']).toBeString();
  expect(ran.stdout.trimEnd().split('\n').length).toBe(1);
  expect(ran.stdout + ran.stderr).not.toMatch(/^ *at /m);
}
