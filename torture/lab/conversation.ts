import { chat } from '../client/chat.ts'
import type { ClientConnection, ReplyListener } from '../client/connection.ts'
import type { ClientDialect, Reading, StreamFold } from '../client/dialect.ts'
import { messages } from '../client/messages.ts'
import { responses } from '../client/responses.ts'
import { EventReader } from '../http/events.ts'
import type { Surface } from '../talk/surface.ts'
import { type Json, textOf } from '../talk/talk.ts'
import type { UpstreamExchange } from '../upstream/exchange.ts'

export const clientDialects = { chat, responses, messages } as const satisfies Record<Surface, ClientDialect>

const nothing: Reading = { pieces: [], isEnded: false, problems: [] }

/** A reply as the client got it. */
export interface Got {
  /** 0 if there was no reply at all. */
  readonly status: number
  readonly fields: ReadonlyMap<string, string>
  /** The body of a reply that is no stream. */
  readonly text: string
  readonly isStream: boolean
  /** Whether the reply ended as HTTP says; otherwise the connection was cut. */
  readonly isWhole: boolean
  readonly reading: Reading
  /** Milliseconds from the request to the first event, or to the body's end. */
  readonly firstMs: number
}

/** One request of a client, its reply, and what the upstream saw of it. */
export class Conversation implements ReplyListener {
  readonly connection: ClientConnection
  readonly surface: Surface
  readonly exchanges: readonly UpstreamExchange[]
  /** Resolves when the reply has ended, in whatever way. */
  readonly got: Promise<Got>
  readonly #ended = Promise.withResolvers<Got>()
  readonly #begun = performance.now()
  readonly #events = new EventReader()
  readonly #fold: StreamFold
  #status = 0
  #fields: ReadonlyMap<string, string> = new Map()
  #chunks: Buffer[] = []
  #isStream = false
  #firstMs = 0
  #problem: string | undefined

  constructor(connection: ClientConnection, surface: Surface, exchanges: readonly UpstreamExchange[]) {
    this.connection = connection
    this.surface = surface
    this.exchanges = exchanges
    this.#fold = clientDialects[surface].fold()
    this.got = this.#ended.promise
  }

  get status(): number {
    return this.#status
  }

  /** The text that the client has read so far. */
  get readText(): string {
    return textOf(this.#fold.reading().pieces)
  }

  head(status: number, fields: ReadonlyMap<string, string>): void {
    this.#status = status
    this.#fields = fields
    this.#isStream = (fields.get('content-type') ?? '').startsWith('text/event-stream')
  }

  body(bytes: Buffer): void {
    if (!this.#isStream) this.#chunks.push(bytes)
    else for (const event of this.#events.push(bytes)) this.#push(event)
  }

  end(isWhole: boolean): void {
    const text = Buffer.concat(this.#chunks).toString('utf8')
    if (this.#firstMs === 0) this.#firstMs = performance.now() - this.#begun
    this.#ended.resolve({
      ...{ status: this.#status, fields: this.#fields, text, isStream: this.#isStream, isWhole },
      reading: this.#reading(text),
      firstMs: this.#firstMs,
    })
  }

  #push(event: { readonly data: string }): void {
    if (this.#firstMs === 0) this.#firstMs = performance.now() - this.#begun
    try {
      this.#fold.push(event)
    } catch (error) {
      this.#problem ??= `an event cannot be read (${error}): ${event.data.slice(0, 200)}`
    }
  }

  #reading(text: string): Reading {
    const reading = this.#isStream ? this.#fold.reading() : this.#whole(text)
    return this.#problem === undefined ? reading : { ...reading, problems: [this.#problem, ...reading.problems] }
  }

  #whole(text: string): Reading {
    try {
      return clientDialects[this.surface].whole(JSON.parse(text))
    } catch (error) {
      if (this.#status >= 200 && this.#status < 300) this.#problem ??= `the body cannot be read (${error})`
      return nothing
    }
  }
}

/** Parses a body. @returns undefined if it is no JSON */
export function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
