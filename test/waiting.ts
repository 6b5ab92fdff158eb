/** The promise's value. @throws when it has none `ms` milliseconds from now; `what` says what was waited for */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`${what}: not within ${ms} ms`)), ms)
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Looks each millisecond whether it is so. @throws when it is not `ms` milliseconds from now */
export async function until(isSo: () => boolean, ms: number, what: string): Promise<void> {
  const latest = performance.now() + ms
  while (!isSo()) {
    if (performance.now() > latest) throw new Error(`${what}: not within ${ms} ms`)
    await Bun.sleep(1)
  }
}

/** Waits until a count has stood still for `quietMs` milliseconds. @returns the count */
export async function settled(count: () => number, quietMs: number, ms: number): Promise<number> {
  const latest = performance.now() + ms
  for (let seen = count(), since = performance.now(); performance.now() - since < quietMs; await Bun.sleep(5)) {
    if (performance.now() > latest) throw new Error(`a count still moves after ${ms} ms`)
    if (count() === seen) continue
    seen = count()
    since = performance.now()
  }
  return count()
}

/** Does the work on every item, on `atOnce` of them at a time, in order. */
export async function each<T>(items: Iterable<T>, atOnce: number, work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items[Symbol.iterator]()
  const worker = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
