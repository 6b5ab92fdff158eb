import type { Cancel } from './cancel.ts'
import type { Timers } from './timers.ts'

/**
 * Settles with the promise, or rejects with the signal's reason, whichever comes first.
 * The work behind the promise goes on, so give it the signal too if it can take one.
 */
export function orAbort<T>(promise: Promise<T>, signal: Cancel): Promise<T> {
  return new Promise((resolve, reject) => {
    const release = signal.onAbort(() => reject(signal.reason))
    // this also catches a failure after the abort
    promise.then(
      (value) => {
        release()
        resolve(value)
      },
      (thrown: unknown) => {
        release()
        reject(thrown)
      },
    )
  })
}

/**
 * Settles with the promise, or resolves to undefined after `ms` milliseconds. The work behind the promise goes on.
 * @throws the signal's reason once it is aborted
 */
export function within<T>(promise: Promise<T>, ms: number, signal: Cancel): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>()
  const timer = signal.runtime.timers.set(ms, () => late.resolve(undefined))
  return orAbort(Promise.race([promise, late.promise]), signal).finally(() => timer.stop())
}

/** Settles with the promise, or resolves to undefined after `ms` milliseconds. The work behind the promise goes on. */
export function atMost<T>(promise: Promise<T>, ms: number, timers: Timers): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = timers.set(ms, () => resolve(undefined))
    promise.then(
      (value) => {
        timer.stop()
        resolve(value)
      },
      (thrown: unknown) => {
        timer.stop()
        reject(thrown)
      },
    )
  })
}

/** Waits `ms` milliseconds. @throws the signal's reason once it is aborted */
export function sleep(ms: number, signal: Cancel): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const timer = signal.runtime.timers.set(ms, () => {
      release()
      resolve()
    })
    const release = signal.onAbort(() => {
      timer.stop()
      reject(signal.reason)
    })
  })
}
