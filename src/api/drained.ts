import { CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { sleep } from '../flow/wait.ts'

interface DrainOptions {
  readonly runtime: Runtime
  /** Milliseconds between two checks of the pending requests. */
  readonly lookMs?: number
}

/**
 * Waits until no request is pending. Bun itself can only wait for that after it has stopped the server, and then
 * `/health` and `/ready` could not be reached.
 * @returns whether all requests ended within `ms` milliseconds
 */
export async function drained(
  pending: () => number,
  ms: number,
  { runtime, lookMs = 10 }: DrainOptions,
): Promise<boolean> {
  const until = runtime.elapsed() + ms
  const never = new CancelSource(runtime)
  while (pending() > 0) {
    if (runtime.elapsed() >= until) return false
    await sleep(Math.min(lookMs, ms), never)
  }
  return true
}
