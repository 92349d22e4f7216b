/** The log of a server: one line an event, JSON for machines or plain for a terminal. */
import { jsonText } from '../engine/json-text.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, unknown>>;

/** Fields hold no secret: ids, never keys or tickets. */
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

export interface LogOptions {
  readonly level: LogLevel;
  /** Plain lines instead of JSON. */
  readonly pretty: boolean;
  readonly write: (line: string) => void;
  readonly now: () => number;
}

export function createLog({ level, pretty, write, now }: LogOptions): Log {
  const most = LOG_LEVELS.indexOf(level);
  return (of, message, fields = {}) => {
    if (LOG_LEVELS.indexOf(of) > most) return;
    const time = new Date(now()).toISOString();
    if (!pretty) {
      write(`${jsonText({ time, level: of, message, ...fields })}\n`);
      return;
    }
    const details = Object.entries(fields).map(([name, value]) => `${name}=${jsonText(value)}`);
    write(`${time.slice(11, 23)} ${of.padEnd(5)} ${[message, ...details].join('  ')}\n`);
  };
}
