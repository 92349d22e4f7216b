/** One signal out of several, which can be let go of: long-lived signals keep no trace of it. */

export interface LinkedSignal {
  readonly signal: AbortSignal;
  readonly abort: (reason: unknown) => void;
  readonly unlink: () => void;
}

export function linkedSignal(...sources: readonly (AbortSignal | undefined)[]): LinkedSignal {
  const controller = new AbortController();
  const abort = (reason: unknown) => controller.abort(reason);
  const links = sources
    .filter((source) => source !== undefined)
    .map((source) => {
      const onAbort = () => abort(source.reason);
      source.addEventListener('abort', onAbort, { once: true });
      if (source.aborted) onAbort();
      return () => source.removeEventListener('abort', onAbort);
    });
  const unlink = () => {
    for (const link of links) link();
  };
  return { signal: controller.signal, abort, unlink };
}
