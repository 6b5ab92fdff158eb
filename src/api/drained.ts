import { CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { sleep } from '../flow/wait.ts'

/** Milliseconds between two looks at what is still being answered. */
const lookMs = 10

/**
 * Waits until nothing is being answered any more. Bun would say so only of a server that it has stopped, which refuses
 * connections: then nobody could ask how it is.
 * @returns whether that came within `ms` milliseconds
 */
export async function drained(pending: () => number, ms: number, runtime: Runtime): Promise<boolean> {
  const until = runtime.elapsed() + ms
  const never = new CancelSource(runtime)
  while (pending() > 0) {
    if (runtime.elapsed() >= until) return false
    await sleep(Math.min(lookMs, ms), never)
  }
  return true
}
