import type { Socket } from 'bun'
import { MessageReader } from './message-reader.ts'
import { type FloodParts, MockFlood } from './mock-flood.ts'
import { completion, type Frames, framesOf, httpChunk } from './mock-frames.ts'
import { messageFramesOf, messageOf } from './mock-messages.ts'
import { response, responseFramesOf } from './mock-responses.ts'
import { type Script, scriptOf } from './mock-scripts.ts'
import { list, member, text } from './read-json.ts'

/** Collects what the mock's control endpoint reports about the requests, which it knows by their content. */
export type Journal = {
  /** Notes that the request has arrived, and that its answer will take some time. */
  readonly begun: (content: string) => void
  readonly ended: (content: string) => void
  /** Notes that the connection was closed before the end of the answer. */
  readonly cut: (content: string) => void
  /** Returns the answer to any request that is not for a completion. */
  readonly fixedAnswer: (requestLine: string) => string | undefined
}

const nothing: Buffer = Buffer.alloc(0)
const streamHead =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n' +
  'Transfer-Encoding: chunked\r\n\r\n'

/** How the answers to a route are written. */
type Dialect = {
  readonly route: string
  readonly frames: (model: string, includesUsage: boolean) => Frames
  readonly whole: (model: string, tokens: number) => string
}

const dialects: readonly Dialect[] = [
  { route: '/v1/chat/completions', frames: framesOf, whole: completion },
  { route: '/v1/messages', frames: messageFramesOf, whole: messageOf },
  { route: '/v1/responses', frames: responseFramesOf, whole: response },
]

/** A connection to the mock. It reads requests, plays their scripts, and reports to the journal. */
export class MockConnection {
  readonly #socket: Socket<MockConnection | undefined>
  readonly #journal: Journal
  readonly #reader: MessageReader
  #requestLine = ''
  #body: Buffer[] = []
  #pendingContent: string | undefined
  #timer: NodeJS.Timeout | undefined
  #flood: MockFlood | undefined
  #unsent = nothing

  constructor(socket: Socket<MockConnection | undefined>, journal: Journal) {
    this.#socket = socket
    this.#journal = journal
    this.#reader = new MessageReader({
      head: (head) => {
        this.#requestLine = head.slice(0, head.indexOf('\r\n'))
        this.#body = []
      },
      body: (bytes) => this.#body.push(bytes),
      end: () => this.#answer(),
    })
  }

  push(bytes: Buffer): void {
    this.#reader.push(bytes)
  }

  /** Goes on when the kernel's buffer has room again. */
  drain(): void {
    if (this.#unsent.length > 0) this.#send(this.#unsent)
    if (!this.#flood?.send()) return
    this.#flood = undefined
    this.#end()
  }

  close(): void {
    clearInterval(this.#timer)
    if (this.#pendingContent !== undefined) this.#journal.cut(this.#pendingContent)
  }

  #answer(): void {
    const fixed = this.#journal.fixedAnswer(this.#requestLine)
    if (fixed !== undefined) this.#sendWhole(200, fixed)
    else if (this.#requestLine.startsWith('POST /v1/')) this.#complete()
    else this.#sendWhole(404, errorBody('no such route'))
  }

  #complete(): void {
    const request: unknown = JSON.parse(Buffer.concat(this.#body).toString())
    const model = text(member(request, 'model'))
    const script = scriptOf(model)
    const isStreamed = member(request, 'stream') === true
    const includesUsage = member(member(request, 'stream_options'), 'include_usage') === true
    const dialect = dialects.find(({ route }) => this.#requestLine.startsWith(`POST ${route} `))
    if (!script || !dialect) this.#sendWhole(404, errorBody('no such model or route'))
    else if (!isStreamed && script.ends) this.#sendWhole(200, dialect.whole(model, script.tokens))
    else this.#play(contentOf(request), script, dialect.frames(model, includesUsage))
  }

  #play(content: string, script: Script, frames: Frames): void {
    this.#pendingContent = content
    this.#journal.begun(content)
    if (!script.sendsHead) return
    const head = streamHead + (script.tokens > 0 ? httpChunk(frames.role) : '')
    if (script.everyMs > 0) this.#pace(head, script, frames)
    else this.#sendAll(head, script, frames)
  }

  #sendAll(head: string, { tokens, ends }: Script, frames: Frames): void {
    if (ends) this.#flow({ head, frame: frames.token, count: tokens, end: endOf(frames) })
    else this.#send(Buffer.from(head + frames.token.toString().repeat(tokens)))
  }

  /** Sends a token at each tick. While the reader is slow, it sends none. */
  #pace(head: string, { tokens, everyMs }: Script, frames: Frames): void {
    this.#send(Buffer.from(head + frames.token))
    let sentTokens = 1
    this.#timer = setInterval(() => {
      if (this.#unsent.length > 0) return
      if (sentTokens < tokens) this.#send(frames.token)
      else this.#finish(frames)
      sentTokens += 1
    }, everyMs)
  }

  #finish(frames: Frames): void {
    clearInterval(this.#timer)
    this.#send(Buffer.from(endOf(frames)))
    this.#end()
  }

  /** Notes that the answer has ended. */
  #end(): void {
    if (this.#pendingContent !== undefined) this.#journal.ended(this.#pendingContent)
    this.#pendingContent = undefined
  }

  #sendWhole(status: number, body: string): void {
    const head = `HTTP/1.1 ${status} ${status === 200 ? 'OK' : 'Not Found'}\r\nContent-Type: application/json\r\n`
    const whole = `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
    this.#flow({ head: whole, frame: nothing, count: 0, end: '' })
  }

  /** Sends an answer that is all there, as fast as the proxy reads it. */
  #flow(parts: FloodParts): void {
    this.#flood = new MockFlood(this.#socket, parts)
    this.drain()
  }

  /** Sends what the kernel's buffer takes, and the rest when it has room. */
  #send(bytes: Buffer): void {
    this.#unsent = bytes.subarray(Math.max(this.#socket.write(bytes), 0))
  }
}

function endOf({ finish }: Frames): string {
  return `${httpChunk(finish)}0\r\n\r\n`
}

function contentOf(request: unknown): string {
  return text(member(list(member(request, 'messages')).at(-1), 'content'))
}

function errorBody(message: string): string {
  return JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code: null } })
}
