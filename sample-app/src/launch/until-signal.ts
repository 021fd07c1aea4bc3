/** Resolves at the first SIGINT, SIGTERM or SIGHUP; a second one does not cut the clean-up short. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve);
  });
}
