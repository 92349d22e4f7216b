import { describe, expect, test } from 'bun:test';
import { Log } from '../../src/engine/raft/log.ts';
import { type Entry, foundingState } from '../../src/engine/raft/types.ts';

function data(index: number, term: number, text = 'x'): Entry {
  return { index, term, kind: 'data', data: new TextEncoder().encode(text) };
}

/** A log with entries of these terms, from index 2 on, all of them on disk. */
function logOf(...terms: number[]): Log {
  const entries = terms.map((term, place) => data(place + 2, term));
  return new Log({ ...foundingState(['A', 'B', 'C']), entries });
}

describe('Log, §5.3', () => {
  test('skips what it has, also when an older message comes late', () => {
    const log = logOf(2, 2, 2);
    expect(log.merge(1, 1, [data(2, 2)])).toBe(2);
    expect(log.lastIndex).toBe(4);
    expect(log.takeUnsaved(1).entries).toBeNull();
  });

  test('replaces a conflicting entry and everything behind it', () => {
    const log = logOf(2, 2, 2);
    expect(log.merge(2, 2, [data(3, 3)])).toBe(3);
    expect(log.lastIndex).toBe(3);
    expect(log.takeUnsaved(1).entries).toEqual({ from: 3, list: [data(3, 3)] });
  });

  test('agrees to nothing when the previous entry differs or is missing', () => {
    const log = logOf(2, 2);
    expect(log.merge(3, 3, [data(4, 3)])).toBeNull();
    expect(log.merge(9, 2, [data(10, 2)])).toBeNull();
    expect(log.lastIndex).toBe(3);
  });

  test('never removes a committed entry', () => {
    const log = logOf(2, 2);
    log.commitTo(3);
    expect(() => log.merge(2, 2, [data(3, 3)])).toThrow('never removed');
  });

  test('applies only what is committed and on its own disk', () => {
    const log = logOf();
    log.append(data(2, 2));
    log.takeUnsaved(1);
    log.commitTo(2);
    expect(log.takeCommitted()).toEqual([]);
    log.persisted(1);
    expect(log.takeCommitted()).toEqual([data(2, 2)]);
    expect(log.takeCommitted()).toEqual([]);
  });

  test('an overtaken batch does not make the entries stable that came instead', () => {
    const log = logOf();
    log.append(data(2, 2, 'old'));
    log.takeUnsaved(1);
    log.merge(1, 1, [data(2, 3, 'new')]);
    log.takeUnsaved(2);
    log.persisted(1);
    expect(log.stable).toBe(1);
    log.persisted(2);
    expect(log.stable).toBe(2);
  });

  test('compares logs by last term, then by length (§5.4.1)', () => {
    const log = logOf(2, 2);
    expect(log.isUpToDate(3, 2)).toBe(true);
    expect(log.isUpToDate(2, 2)).toBe(false);
    expect(log.isUpToDate(2, 3)).toBe(true);
    expect(log.isUpToDate(9, 1)).toBe(false);
  });
});

describe('Log, §7', () => {
  test('compaction keeps trailing entries and the configuration in force', () => {
    const log = logOf(2, 2, 2);
    const configuration = { voters: ['A', 'B', 'C'], learners: ['D'] };
    log.append({ index: 5, term: 2, kind: 'configuration', configuration });
    log.takeUnsaved(1);
    log.persisted(1);
    log.commitTo(5);
    log.takeCommitted();
    log.compact(4, new Uint8Array([1]), 1);
    expect(log.baseIndex).toBe(3);
    expect(log.snapshot.configuration.learners).toEqual([]);
    expect(log.term(3)).toBe(2);
    expect(log.term(2)).toBeNull();
    log.compact(5, new Uint8Array([2]), 0);
    expect(log.snapshot.configuration).toEqual(configuration);
    expect(log.takeUnsaved(2).snapshot?.index).toBe(5);
  });

  test('a snapshot of a state not reached yet is a defect', () => {
    expect(() => logOf(2).compact(2, new Uint8Array(0), 0)).toThrow('a state that was reached');
  });

  test('a restored log begins after the snapshot and truncates the disk', () => {
    const log = logOf(2, 2, 2);
    const configuration = { voters: ['A'], learners: [] };
    log.restore({ index: 3, term: 5, configuration, data: new Uint8Array(0) });
    expect(log.lastIndex).toBe(3);
    expect(log.takeUnsaved(1).entries).toEqual({ from: 4, list: [] });
    expect(log.configurations.newest).toEqual({ index: 3, configuration });
  });

  test('slices within limits, but always at least one entry', () => {
    const log = logOf(2, 2, 2);
    expect(log.slice(2, 2, 1_000_000)).toHaveLength(2);
    expect(log.slice(2, 9, 1)).toHaveLength(1);
    expect(log.slice(2, 0, 1_000)).toHaveLength(0);
    expect(log.bytesBetween(1, 4)).toBe(3 * 33);
  });
});
