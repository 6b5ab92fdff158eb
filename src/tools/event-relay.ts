import { BoundedLines } from '../wire/bounded-lines.ts'
import type { BodyFilter } from '../wire/fetch-like.ts'
import { sseData } from '../wire/sse.ts'
import { formatEvent, idOfEvent, kindOfLine, valueOfLine } from '../wire/sse-lines.ts'
import { maxMessageBytes, Oversize, type OversizeOptions, tooLargeAnswer } from './oversize.ts'
import { cleanMessage } from './read-message.ts'

export interface EventRelayOptions extends Omit<OversizeOptions, 'fail'> {
  /** Shared by all streams of a server. */
  readonly isOften: () => boolean
  /** Called with the id of an event. The stream can be resumed after it (`Last-Event-ID`). */
  seenId(id: string): void
}

const nothing = new Uint8Array(0)
/** Limit for the lines of one event that are not data. */
const maxOthers = 16

/**
 * Relays server-sent events to the library. Each relayed event is complete, cleaned and not too long. An answer that is too
 * long is replaced by an error, and the stream continues.
 */
export class EventRelay implements BodyFilter {
  readonly #options: EventRelayOptions
  readonly #lines = new BoundedLines({ maxBytes: maxMessageBytes, anyEnd: true })
  readonly #oversize: Oversize
  /** Lines of the unfinished event: its data, and the others. */
  #others: string[] = []
  #data: string[] = []
  #length = 0
  /** Whether the unfinished event is too long. */
  #isCut = false
  #out: string[] = []

  constructor(options: EventRelayOptions) {
    this.#options = options
    this.#oversize = new Oversize(
      {
        waiting: options.waiting,
        onMisbehaviour: options.onMisbehaviour,
        fail: (id) => void this.#out.push(sseData(JSON.stringify(tooLargeAnswer(id)))),
      },
      options.isOften,
    )
  }

  push(bytes: Uint8Array): Uint8Array {
    for (const line of this.#lines.push(bytes)) {
      if (line.kind === 'line') this.#take(line.text)
      else if (line.kind === 'cut') this.#cut(valueOfLine(line.head))
      else this.#oversize.noteEnd(line.tail)
    }
    if (this.#isCut) this.#oversize.noteSize(this.#length + this.#lines.length)
    const out = this.#out
    this.#out = []
    return out.length === 0 ? nothing : Buffer.from(out.join(''))
  }

  /** Returns nothing, because an event counts only after its blank line. */
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
    // the end of an event that is too long may show to which request it belongs
    if (this.#isCut) this.#data = [value]
    else this.#data.push(value)
    if (this.#length > maxMessageBytes) this.#cut(this.#data[0] ?? '')
  }

  #cut(head: string): void {
    if (this.#isCut) return
    this.#isCut = true
    this.#data = []
    this.#oversize.noteStart(head)
  }

  #dispatch(): void {
    if (this.#isCut) this.#oversize.noteEnd(this.#data[0] ?? '')
    else this.#out.push(formatEvent(this.#others, this.#cleanData()))
    const id = idOfEvent(this.#others)
    if (id !== undefined) this.#options.seenId(id)
    this.#others = []
    this.#data = []
    this.#length = 0
    this.#isCut = false
  }

  #cleanData(): string | undefined {
    return this.#data.length === 0 ? undefined : cleanMessage(this.#data.join('\n'))
  }
}
