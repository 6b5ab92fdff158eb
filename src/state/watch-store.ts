import type { Logger } from '../flow/call.ts'
import type { Store } from './store.ts'

/** Milliseconds between two checks, and between two log lines about a problem that stays. */
const lookMs = 5_000
const repeatMs = 60_000

/** Logs what endangers the state: once a minute while it lasts, and when it is over. @returns a function that stops it */
export function watchStore(store: Store, log: Logger, everyMs = lookMs): () => void {
  let reported: string | undefined
  let reportedAt = 0
  const timer = setInterval(() => {
    const problem = store.problem()
    const isNew = problem !== reported || performance.now() - reportedAt >= repeatMs
    if (problem !== undefined && isNew) {
      log.error({ problem }, 'state')
      reportedAt = performance.now()
    } else if (problem === undefined && reported !== undefined) log.info({}, 'the state is well again')
    reported = problem
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
