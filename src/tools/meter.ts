import type { Runtime } from '../flow/runtime.ts'

/** Messages a server may send within one second; a tool that streams its output a word at a time stays far below. */
const maxPerSecond = 10_000
const windowMs = 1_000

/** Notices a server that floods us. */
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
