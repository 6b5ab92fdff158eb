import type { Runtime } from '../flow/runtime.ts'

/** Limit for a server's messages in one second. A tool that streams its output word by word stays far below. */
const maxPerSecond = 10_000
const windowMs = 1_000

/** Returns a function that counts a message, and returns whether the server sends too many. */
export function floodMeter(runtime: Pick<Runtime, 'elapsed'>): () => boolean {
  let since = runtime.elapsed()
  let count = 0
  return () => {
    const time = runtime.elapsed()
    if (time - since >= windowMs) {
      since = time
      count = 0
    }
    return ++count > maxPerSecond
  }
}
