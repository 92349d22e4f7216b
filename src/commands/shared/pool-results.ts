/** What several pools answered, or why they did not. */
import { LmError } from '../../engine/errors.ts';

/** One pool is its document; several are listed, with what stands in the way of the others. */
export function jsonOf(results: readonly unknown[]): unknown {
  const documents = results.map((result) => {
    if (!(result instanceof LmError)) return result;
    const { code, message, hint, details } = result;
    return { error: { code, message, hint, ...details } };
  });
  return documents.length === 1 ? documents[0] : { pools: documents };
}

/** The failures among them. @throws the first, where there is nothing else. */
export function failuresIn(results: readonly unknown[]): LmError[] {
  const failed = results.filter((result) => result instanceof LmError);
  const [first] = failed;
  if (failed.length === results.length && first !== undefined) throw first;
  return failed;
}
