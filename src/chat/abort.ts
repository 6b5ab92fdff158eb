/** A controller that is aborted with its parent, and can be let go of. */
export interface LinkedAbort {
  readonly signal: AbortSignal
  abort(reason: unknown): void
  /** Takes the listener off the parent: call it in `finally`, or every call leaves one behind. */
  release(): void
}

/** A child of `parent`: aborting the parent aborts it, with the same reason; not the other way round. */
export function linkAbort(parent: AbortSignal): LinkedAbort {
  const controller = new AbortController()
  const follow = () => controller.abort(parent.reason)
  if (parent.aborted) follow()
  else parent.addEventListener('abort', follow, { once: true })
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => parent.removeEventListener('abort', follow),
  }
}

/**
 * The promise, or a rejection with the signal's reason, whichever comes first.
 * The promise itself goes on: give it the signal too where it can take one.
 */
export async function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    // nobody waits for it any more, so nobody would catch its failure
    promise.catch(() => undefined)
    throw signal.reason
  }
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** What the promise settles with, or undefined after `ms` milliseconds. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const patience = Promise.withResolvers<undefined>()
  const timer = setTimeout(patience.resolve, ms)
  try {
    return await Promise.race([promise, patience.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** Waits `ms` milliseconds. @throws the signal's reason once it is aborted */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const slept = Promise.withResolvers<void>()
  const timer = setTimeout(slept.resolve, ms)
  try {
    await orAbort(slept.promise, signal)
  } finally {
    clearTimeout(timer)
  }
}
