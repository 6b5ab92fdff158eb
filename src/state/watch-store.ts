import type { Logger } from '../flow/call.ts'
import { repeat } from '../flow/repeat.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Store } from './store.ts'

/** Milliseconds between two checks, and between two log lines about the same problem. */
const checkMs = 5_000
const repeatMs = 60_000

interface WatchOptions {
  readonly log: Logger
  readonly runtime: Runtime
}

/**
 * Logs a problem of the state once a minute while it lasts, and once when it has ended. @returns a function that
 * stops it
 */
export function watchStore(store: Store, { log, runtime }: WatchOptions): () => void {
  let reported: string | undefined
  let reportedAt = 0
  return repeat(runtime.timers, checkMs, () => {
    const problem = store.problem()?.message
    const isNew = problem !== reported || runtime.elapsed() - reportedAt >= repeatMs
    if (problem !== undefined && isNew) {
      log.error({ problem }, 'state')
      reportedAt = runtime.elapsed()
    } else if (problem === undefined && reported !== undefined) log.info({}, 'the problem of the state has ended')
    reported = problem
  })
}
