/** The first argument of a worker, by which it knows that it is one, and the operator sees it. */
export const workerName = 'tributary-worker'

/** The one of them that speaks for all, where one is enough. */
export const firstWorkerName = 'tributary-first-worker'

/** Whether this process is one of the processes of `WORKERS`. */
export const isWorker = process.argv0 === workerName || process.argv0 === firstWorkerName

/** Whether this process speaks for the machine: it is the only one, or the first worker. */
export const isSpeaker = process.argv0 !== workerName

/**
 * Calls the listener with each signal to stop. A worker gets them from its parent only: terminals and service managers send
 * them to all processes, and with the parent's they would be two, which ends a process at once. A worker also stops when its parent is gone.
 */
export function onStopSignal(listener: (signal: string) => void): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => (isWorker ? undefined : listener(signal)))
  if (!isWorker) return
  process.on('message', (message) => {
    if (typeof message === 'string') listener(message)
  })
  process.on('disconnect', () => listener('the parent is gone'))
}

const reloadOthers = 'reload the others'

/** Has the other processes of `WORKERS` read the configuration again. */
export function reloadOtherWorkers(): void {
  if (isWorker) process.send?.(reloadOthers)
}

/** Whether a worker asks its parent for that. */
export function asksToReloadOthers(message: unknown): boolean {
  return message === reloadOthers
}

/** Tells the parent that this worker listens. */
export function tellParent(url: string): void {
  process.send?.(url)
}
