import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'

export interface InboxOptions {
  /** Aborting it ends the inbox at once and drops the values that wait; the reader gets its reason. */
  readonly signal: Cancel
  /** Frees the source, such as a socket. Called once, however the inbox ends. */
  readonly release: () => void
  /** Called when the reader takes a value that waited. */
  readonly onTaken?: () => void
  /** Bytes that may wait for the reader; 8 MiB. */
  readonly maxBytes?: number
}

interface QueuedValue<T> {
  readonly value: T
  readonly size: number
}

type InboxStep<T> = IteratorResult<T, undefined>

const maxWaitingBytes = 8 * 1024 * 1024
/** The cost of a value in addition to its bytes: a million empty messages need memory too. */
const overheadBytes = 24
const done = { done: true, value: undefined } as const

/**
 * A queue between a socket that pushes values and one reader that pulls them. Its size is limited, because not every source
 * can be paused: a reader that falls too far behind gets an error, and the socket is freed.
 */
export class Inbox<T> implements AsyncIterableIterator<T, undefined> {
  readonly #options: InboxOptions
  /** The reader takes from `#taking`, at `#at`, and new values go to `#coming`, so that no value has to be moved. */
  #taking: QueuedValue<T>[] = []
  #at = 0
  #coming: QueuedValue<T>[] = []
  #bytes = 0
  #reader: PromiseWithResolvers<InboxStep<T>> | undefined
  #isOver = false
  #error: unknown
  #letGo: () => void = () => undefined

  constructor(options: InboxOptions) {
    this.#options = options
    this.#letGo = options.signal.onAbort(this.#onAbort)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** True when no more values are accepted. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Bytes that wait for the reader. */
  get waitingBytes(): number {
    return this.#bytes
  }

  /** Adds a value. @param size in bytes */
  push(value: T, size: number): void {
    if (this.#isOver) return
    if (this.#reader) {
      this.#reader.resolve({ done: false, value })
      this.#reader = undefined
      return
    }
    this.#bytes += size + overheadBytes
    if (this.#bytes > (this.#options.maxBytes ?? maxWaitingBytes)) this.abort(tooLarge())
    else this.#coming.push({ value, size })
  }

  /** Accepts no more values. The reader gets the values that wait, and then the end. */
  close(): void {
    this.#end(undefined)
  }

  /** Accepts no more values. The reader gets the values that wait, and then the error. */
  fail(error: ChatError): void {
    this.#end(error)
  }

  /** Accepts no more values, and drops the values that wait. The reader gets the error at once. */
  abort(error: unknown): void {
    this.#drop()
    this.#end(error)
  }

  async next(): Promise<InboxStep<T>> {
    const waiting = this.#take()
    if (waiting) return { done: false, value: waiting.value }
    if (this.#isOver) return this.#last()
    this.#reader = Promise.withResolvers()
    return this.#reader.promise
  }

  /** Called when the reader stops early. */
  async return(): Promise<InboxStep<T>> {
    this.#drop()
    this.#end(undefined)
    this.#error = undefined
    return done
  }

  readonly #onAbort = (): void => {
    this.abort(this.#options.signal.reason)
  }

  #take(): QueuedValue<T> | undefined {
    if (this.#at === this.#taking.length) {
      this.#taking = this.#coming
      this.#coming = []
      this.#at = 0
    }
    const next = this.#taking[this.#at]
    if (!next) return undefined
    this.#at++
    this.#bytes -= next.size + overheadBytes
    this.#options.onTaken?.()
    return next
  }

  #drop(): void {
    this.#taking = []
    this.#coming = []
    this.#at = 0
    this.#bytes = 0
  }

  #end(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#error = error
    this.#letGo()
    const reader = this.#reader
    this.#reader = undefined
    if (error === undefined) reader?.resolve(done)
    else reader?.reject(error)
    if (reader) this.#error = undefined
    this.#options.release()
  }

  /** Throws the error once; later reads get the end, as with any iterator. */
  #last(): InboxStep<T> {
    const error = this.#error
    this.#error = undefined
    if (error !== undefined) throw error
    return done
  }
}

function tooLarge(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream sent more than could be read in time.',
    code: 'upstream_response_too_large',
  })
}
