import type { Timers } from './timers.ts'

/** Calls `run` every `everyMs` milliseconds. It does not keep the process running. @returns a function that stops it */
export function repeat(timers: Timers, everyMs: number, run: () => void): () => void {
  const again = () => {
    timer.feed(everyMs)
    run()
  }
  const timer = timers.set(everyMs, again, { isBackground: true })
  return () => timer.stop()
}
