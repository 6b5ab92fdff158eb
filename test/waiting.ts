/** Number of checks while `within` waits. */
const looksWithin = 50

/**
 * Returns the promise's value. If the machine delays the process, the wait is longer, as in `until`.
 * @throws if there is none after `ms` milliseconds; `what` describes the expected event
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
 * Checks a condition every millisecond. If the machine delays the process, the checks come later and the wait is longer.
 * @throws if the condition is still false after `ms` checks; `what` describes it
 */
export async function until(isSo: () => boolean | Promise<boolean>, ms: number, what: string): Promise<void> {
  for (let looks = 0; !(await isSo()); looks++) {
    if (looks > ms) throw new Error(`${what}: not within ${ms} ms`)
    await Bun.sleep(1)
  }
}

const lookMs = 5

/**
 * Waits until a count has not changed for `quietMs` milliseconds, measured in checks 5 ms apart. So a pause of the machine
 * does not end the wait.
 * @returns the count
 * @throws if it still changes after `ms`, measured in the same way
 */
export async function untilStill(count: () => number, quietMs: number, ms: number): Promise<number> {
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
 * Repeats a measurement on a new subject until it is below the limit. A real fault exceeds the limit every time, and a busy
 * machine does not.
 * @throws if none of five measurements is below the limit; `what` describes them
 */
export async function measureBelow(
  limit: number,
  what: string,
  measure: () => number | Promise<number>,
): Promise<void> {
  const measured: string[] = []
  while (measured.length < measurements) {
    const value = await measure()
    if (value < limit) return
    measured.push(value.toFixed(1))
  }
  throw new Error(`${what}: ${measured.join(', ')}, never below ${limit}`)
}

/** Does the work on every item in order, on `atOnce` of them at a time. */
export async function each<T>(items: Iterable<T>, atOnce: number, work: (item: T) => Promise<unknown>): Promise<void> {
  const rest = items[Symbol.iterator]()
  const worker = async () => {
    for (let next = rest.next(); !next.done; next = rest.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
