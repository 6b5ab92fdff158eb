import { BoundedLines } from '../wire/bounded-lines.ts'
import type { BodyFilter } from '../wire/fetch-like.ts'
import { sseData } from '../wire/sse.ts'
import { formatEvent, idOfEvent, kindOfLine, valueOfLine } from '../wire/sse-lines.ts'
import { maxMessageBytes, Oversize, type OversizeOptions, tooLargeAnswer } from './oversize.ts'
import { cleanMessage } from './read-message.ts'

export interface EventRelayOptions extends Omit<OversizeOptions, 'fail'> {
  /** The same for every stream of a server. */
  readonly isOften: () => boolean
  /** An event had this id: with it the stream can be taken up again after it (`Last-Event-ID`). */
  seenId(id: string): void
}

const nothing = new Uint8Array(0)
/** Lines of one event beside its data. */
const maxOthers = 16

/**
 * Server-sent events on their way to the library: each whole, as the library is to see it, and none that is too long. An
 * answer that was is replaced by its failure; the stream goes on.
 */
export class EventRelay implements BodyFilter {
  readonly #options: EventRelayOptions
  readonly #lines = new BoundedLines({ maxBytes: maxMessageBytes, anyEnd: true })
  readonly #oversize: Oversize
  /** Lines of the event that has begun, and those of them that are its data. */
  #others: string[] = []
  #data: string[] = []
  #length = 0
  /** Whether the event that has begun is too long. */
  #isCut = false
  #out: string[] = []

  constructor(options: EventRelayOptions) {
    this.#options = options
    this.#oversize = new Oversize(
      {
        waiting: options.waiting,
        misbehaved: options.misbehaved,
        fail: (id) => void this.#out.push(sseData(JSON.stringify(tooLargeAnswer(id)))),
      },
      options.isOften,
    )
  }

  push(bytes: Uint8Array): Uint8Array {
    for (const line of this.#lines.push(bytes)) {
      if (line.kind === 'line') this.#take(line.text)
      else if (line.kind === 'cut') this.#cut(valueOfLine(line.head))
      else this.#oversize.ended(line.tail)
    }
    if (this.#isCut) this.#oversize.grew(this.#length + this.#lines.length)
    const out = this.#out
    this.#out = []
    return out.length === 0 ? nothing : Buffer.from(out.join(''))
  }

  /** An event whose blank line has not come is none. */
  rest(): Uint8Array {
    return nothing
  }

  #take(line: string): void {
    this.#length += line.length
    switch (kindOfLine(line)) {
      case 'end':
        this.#dispatch()
        return
      case 'other':
        if (this.#others.length < maxOthers) this.#others.push(line)
        return
      case 'data':
        this.#takeData(valueOfLine(line))
    }
  }

  #takeData(value: string): void {
    // of one that is too long the end may tell whose it is
    if (this.#isCut) this.#data = [value]
    else this.#data.push(value)
    if (this.#length > maxMessageBytes) this.#cut(this.#data[0] ?? '')
  }

  #cut(head: string): void {
    if (this.#isCut) return
    this.#isCut = true
    this.#data = []
    this.#oversize.began(head)
  }

  #dispatch(): void {
    if (this.#isCut) this.#oversize.ended(this.#data[0] ?? '')
    else this.#out.push(formatEvent(this.#others, this.#cleaned()))
    const id = idOfEvent(this.#others)
    if (id !== undefined) this.#options.seenId(id)
    this.#others = []
    this.#data = []
    this.#length = 0
    this.#isCut = false
  }

  #cleaned(): string | undefined {
    return this.#data.length === 0 ? undefined : cleanMessage(this.#data.join('\n'))
  }
}
