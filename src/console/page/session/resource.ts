import { type ReadonlySignal, signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { ApiError } from './api.ts'

/** A value that is loaded. While it is loaded again, the former one is shown. */
export interface Resource<Value> {
  readonly value: ReadonlySignal<Value | undefined>
  readonly error: ReadonlySignal<ApiError | undefined>
  reload(): void
  /** Replaces the value, because a newer one came by another way. */
  set(value: Value): void
}

/** Loads a value when the component is shown, and again when one of `inputs` changes. */
export function useResource<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  inputs: readonly unknown[] = [],
): Resource<Value> {
  const loader = useMemo(() => new Loader(load), [...inputs])
  useEffect(() => {
    loader.reload()
    return () => loader.stop()
  }, [loader])
  return loader
}

class Loader<Value> implements Resource<Value> {
  readonly value = signal<Value | undefined>(undefined)
  readonly error = signal<ApiError | undefined>(undefined)
  readonly #load: (signal: AbortSignal) => Promise<Value>
  #running: AbortController | undefined

  constructor(load: (signal: AbortSignal) => Promise<Value>) {
    this.#load = load
  }

  readonly reload = (): void => {
    this.stop()
    const running = new AbortController()
    this.#running = running
    this.#load(running.signal).then(
      (value) => {
        if (!running.signal.aborted) this.set(value)
      },
      (thrown: unknown) => {
        if (running.signal.aborted) return
        this.error.value =
          thrown instanceof ApiError ? thrown : new ApiError(0, { message: String(thrown), code: 'page' })
      },
    )
  }

  set(value: Value): void {
    this.value.value = value
    this.error.value = undefined
  }

  stop(): void {
    this.#running?.abort()
  }
}
