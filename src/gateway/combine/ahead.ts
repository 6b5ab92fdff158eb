import type { ChatEvent } from '../../chat/event.ts'
import { isBlank } from '../../chat/event.ts'

/**
 * Reads a stream before anybody asks for it, up to a bound: then the stream waits, and so does its upstream. Of several
 * answers told one after the other, the later ones are so there at once when their turn comes.
 */
export class Ahead implements AsyncIterableIterator<ChatEvent> {
  /** Resolves with the first event that shows something or the end, rejects with a failure before it. */
  readonly begun: Promise<void>
  readonly #begin = Promise.withResolvers<void>()
  readonly #maxChars: number
  #queue: ChatEvent[] = []
  #chars = 0
  #end: { readonly thrown: unknown } | 'done' | undefined
  #isClosed = false
  #wakeReader: (() => void) | undefined
  #wakeFiller: (() => void) | undefined

  /**
   * @param open may throw: that is a failure like any other
   * @param maxChars how many characters of text may wait to be read; an event counts as `perEvent` more
   */
  constructor(open: () => AsyncIterable<ChatEvent>, maxChars: number) {
    this.#maxChars = maxChars
    this.begun = this.#begin.promise
    this.begun.catch(() => undefined)
    void this.#fill(open)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<ChatEvent>> {
    for (;;) {
      const value = this.#queue.shift()
      if (value) {
        this.#chars -= sizeOf(value)
        if (this.#chars <= this.#maxChars) this.#wakeFiller?.()
        return { done: false, value }
      }
      if (this.#end === 'done' || this.#isClosed) return { done: true, value: undefined }
      if (this.#end) throw this.#end.thrown
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve
      })
    }
  }

  /** Stops reading; what waits is forgotten. Who waits for an event gets the end. */
  async return(): Promise<IteratorResult<ChatEvent>> {
    this.#isClosed = true
    this.#queue = []
    this.#chars = 0
    this.#begin.resolve()
    this.#wakeFiller?.()
    this.#wakeReader?.()
    return { done: true, value: undefined }
  }

  async #fill(open: () => AsyncIterable<ChatEvent>): Promise<void> {
    try {
      for await (const event of open()) {
        if (!this.#isClosed) this.#put(event)
        if (this.#chars > this.#maxChars) await this.#space()
        if (this.#isClosed) break
      }
      this.#end = 'done'
      this.#begin.resolve()
    } catch (thrown) {
      this.#end = { thrown }
      this.#begin.reject(thrown)
    }
    this.#wakeReader?.()
  }

  #put(event: ChatEvent): void {
    this.#queue.push(event)
    this.#chars += sizeOf(event)
    if (!isBlank(event)) this.#begin.resolve()
    this.#wakeReader?.()
  }

  #space(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeFiller = resolve
    })
  }
}

/** What an event costs beside its text, in characters: one of few letters is mostly object. */
const perEvent = 32

function sizeOf(event: ChatEvent): number {
  if ('text' in event) return event.text.length + perEvent
  return event.type === 'tool-arguments' ? event.json.length + perEvent : perEvent
}
