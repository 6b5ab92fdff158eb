import type { NoteDrift } from '../../chat/drift.ts'
import type { ChatEvent } from '../../chat/event.ts'
import { LineSplitter } from '../../wire/line-splitter.ts'
import type { FrameDecoder, FrameSplitter } from '../../wire/read-frames.ts'
import type { ReplyHeaders } from '../../wire/reply-headers.ts'
import { SseDecoder, type SseFrame } from '../../wire/sse.ts'
import { DataStreamDecoder } from './data-stream.ts'
import { UiMessageDecoder } from './events.ts'

/**
 * Reads an answer in either of the two formats. The older one has a header, or is known by its first two characters, which
 * no server-sent event begins with.
 */
export class EitherDecoder implements FrameDecoder {
  readonly splitter: FrameSplitter
  #beginning: Uint8Array = new Uint8Array()
  readonly #note: NoteDrift | undefined
  #chosen: Wire | undefined

  constructor(headers: ReplyHeaders, note?: NoteDrift) {
    this.#note = note
    const chosen = () => this.#choose().splitter
    const isLongPage = () => this.#chosen?.splitter.isLongPage ?? false
    this.splitter = {
      get passedOver() {
        return chosen().passedOver ?? ''
      },
      get isLongPage() {
        return isLongPage()
      },
      push: (bytes) => this.#push(bytes),
      end: () => chosen().end(),
    }
    if (headers.has('x-vercel-ai-data-stream')) this.#chosen = lines(note)
  }

  get finished(): boolean {
    return this.#chosen?.decoder.finished ?? false
  }

  frame(frame: SseFrame): readonly ChatEvent[] {
    return this.#choose().decoder.frame(frame)
  }

  end(how: 'terminated' | 'cut'): readonly ChatEvent[] {
    return this.#choose().decoder.end(how)
  }

  #push(bytes: Uint8Array): readonly SseFrame[] | undefined {
    if (this.#chosen) return this.#chosen.splitter.push(bytes)
    this.#beginning = Buffer.concat([this.#beginning, bytes])
    const begin = new TextDecoder().decode(this.#beginning).trimStart()
    if (begin.length < 2) {
      // blanks at the beginning are dropped, so that they use no memory
      if (begin === '' && this.#beginning.byteLength > maxMarkBytes) this.#beginning = new Uint8Array()
      return undefined
    }
    this.#chosen = /^[0-9a-z]:/.test(begin) ? lines(this.#note) : events(this.#note)
    return this.#chosen.splitter.push(this.#beginning)
  }

  /** Chooses the decoder. A beginning that is too short to decide is read as events. */
  #choose(): Wire {
    this.#chosen ??= events(this.#note)
    return this.#chosen
  }
}

/** Bytes of a byte order mark. */
const maxMarkBytes = 3

interface Wire {
  readonly splitter: FrameSplitter
  readonly decoder: FrameDecoder
}

function lines(note: NoteDrift | undefined): Wire {
  return { splitter: new LineSplitter(), decoder: new DataStreamDecoder(note) }
}

function events(note: NoteDrift | undefined): Wire {
  return { splitter: new SseDecoder(), decoder: new UiMessageDecoder(note) }
}
