import { sleep } from '../chat/abort.ts'

/** Milliseconds between two looks at what is still being answered. */
const lookMs = 10

const never = new AbortController().signal

/**
 * Waits until nothing is being answered any more. Bun would say so only of a server that it has stopped, which refuses
 * connections: then nobody could ask how it is.
 * @returns whether that came within `ms` milliseconds
 */
export async function drained(pending: () => number, ms: number): Promise<boolean> {
  const until = performance.now() + ms
  while (pending() > 0) {
    if (performance.now() >= until) return false
    await sleep(Math.min(lookMs, ms), never)
  }
  return true
}
