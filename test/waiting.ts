/** Looks in which `within` waits. */
const looksWithin = 50

/**
 * The promise's value. A process that the machine lets wait is more patient, as with `until`.
 * @throws when it has none `ms` milliseconds from now; `what` says what was waited for
 */
export async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let isOver = false
  const late = async (): Promise<never> => {
    for (let looks = 0; looks < looksWithin && !isOver; looks++) await Bun.sleep(ms / looksWithin)
    throw new Error(`${what}: not within ${ms} ms`)
  }
  try {
    return await Promise.race([promise, late()])
  } finally {
    isOver = true
  }
}

/**
 * Looks each millisecond whether it is so. A process that the machine lets wait looks later, and its patience lasts as much longer.
 * @throws when it is not in `ms` looks; `what` says what was waited for
 */
export async function until(isSo: () => boolean | Promise<boolean>, ms: number, what: string): Promise<void> {
  for (let looks = 0; !(await isSo()); looks++) {
    if (looks > ms) throw new Error(`${what}: not within ${ms} ms`)
    await Bun.sleep(1)
  }
}

const lookMs = 5

/**
 * Waits until a count has stood still for `quietMs` milliseconds, in which it was looked at as often as that takes: one pause of
 * the machine is no stillness.
 * @returns the count
 * @throws when it still moves after `ms`, counted the same way
 */
export async function settled(count: () => number, quietMs: number, ms: number): Promise<number> {
  let seen = count()
  for (let looks = 0, still = 0; still < quietMs / lookMs; looks++) {
    if (looks > ms / lookMs) throw new Error(`a count still moves after ${ms} ms`)
    await Bun.sleep(lookMs)
    still = count() === seen ? still + 1 : 0
    seen = count()
  }
  return seen
}

const measurements = 5

/**
 * Measures, each time on a fresh subject, until it is below the limit. What is slow or large by itself is so each time; what a
 * busy machine adds is not.
 * @throws when no measurement of five is; `what` says what was measured
 */
export async function below(limit: number, what: string, measure: () => number | Promise<number>): Promise<void> {
  const measured: string[] = []
  while (measured.length < measurements) {
    const value = await measure()
    if (value < limit) return
    measured.push(value.toFixed(1))
  }
  throw new Error(`${what}: ${measured.join(', ')}, never below ${limit}`)
}

/** Does the work on every item, on `atOnce` of them at a time, in order. */
export async function each<T>(items: Iterable<T>, atOnce: number, work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items[Symbol.iterator]()
  const worker = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
