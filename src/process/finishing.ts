const underWay = new Set<Promise<unknown>>();

/** Runs work that Ctrl-C has to wait for, because half of it would lose a login. */
export async function finishing<T>(work: () => Promise<T>): Promise<T> {
  const promise = work();
  underWay.add(promise);
  try {
    return await promise;
  } finally {
    underWay.delete(promise);
  }
}

/** Waits until all such work has ended, however it does. */
export async function finished(): Promise<void> {
  await Promise.allSettled(underWay);
}
