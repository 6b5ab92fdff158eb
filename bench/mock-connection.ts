import type { Socket } from 'bun'
import { MessageReader } from './message-reader.ts'
import { completion, type Frames, framesOf, httpChunk, modelList } from './mock-frames.ts'
import { type Script, scriptOf } from './mock-scripts.ts'
import { list, member, text } from './read-json.ts'

/** Collects what the mock's control endpoint reports about the connections. */
export type Journal = {
  readonly opened: () => void
  readonly closed: () => void
  /** Notes that the connection was closed before the end of the answer to the request with this content. */
  readonly cut: (content: string) => void
  readonly control: (requestLine: string) => string | undefined
}

const streamHead =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n' +
  'Transfer-Encoding: chunked\r\n\r\n'

/** A connection to the mock. It reads requests, plays their scripts, and reports to the journal. */
export class MockConnection {
  readonly #socket: Socket<MockConnection | undefined>
  readonly #journal: Journal
  readonly #reader: MessageReader
  #requestLine = ''
  #body: Buffer[] = []
  #isCounted = false
  #pendingContent: string | undefined
  #timer: NodeJS.Timeout | undefined

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

  close(): void {
    clearInterval(this.#timer)
    if (this.#isCounted) this.#journal.closed()
    if (this.#pendingContent !== undefined) this.#journal.cut(this.#pendingContent)
  }

  #answer(): void {
    const controlled = this.#journal.control(this.#requestLine)
    if (controlled === undefined && !this.#isCounted) this.#journal.opened()
    this.#isCounted ||= controlled === undefined
    if (controlled !== undefined) this.#sendWhole(200, controlled)
    else if (this.#requestLine.startsWith('GET /v1/models')) this.#sendWhole(200, modelList())
    else if (this.#requestLine.startsWith('POST /v1/chat/completions')) this.#complete()
    else this.#sendWhole(404, errorBody('no such route'))
  }

  #complete(): void {
    const request: unknown = JSON.parse(Buffer.concat(this.#body).toString())
    const model = text(member(request, 'model'))
    const script = scriptOf(model)
    const isStreamed = member(request, 'stream') === true
    const includesUsage = member(member(request, 'stream_options'), 'include_usage') === true
    this.#pendingContent = contentOf(request)
    if (!script) this.#sendWhole(404, errorBody('no such model'))
    else if (!isStreamed && script.ends) this.#sendWhole(200, completion(model, script.tokens))
    else if (script.sendsHead) this.#stream(script, framesOf(model, includesUsage))
  }

  #stream(script: Script, frames: Frames): void {
    const atOnce = script.everyMs === 0 ? script.tokens : 1
    const end = script.ends && atOnce === script.tokens ? `${httpChunk(frames.finish)}0\r\n\r\n` : ''
    const role = script.tokens > 0 ? httpChunk(frames.role) : ''
    if (end !== '') this.#pendingContent = undefined
    this.#send(streamHead + role + frames.token.toString().repeat(atOnce) + end)
    if (atOnce < script.tokens) this.#pace(script, frames)
  }

  #pace(script: Script, frames: Frames): void {
    let sentTokens = 1
    this.#timer = setInterval(() => {
      this.#send(frames.token)
      sentTokens += 1
      if (sentTokens < script.tokens) return
      clearInterval(this.#timer)
      this.#pendingContent = undefined
      this.#send(`${httpChunk(frames.finish)}0\r\n\r\n`)
    }, script.everyMs)
  }

  #sendWhole(status: number, body: string): void {
    this.#pendingContent = undefined
    const head = `HTTP/1.1 ${status} ${status === 200 ? 'OK' : 'Not Found'}\r\nContent-Type: application/json\r\n`
    this.#send(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  }

  /** Closes the connection if the kernel's buffers are full, because no client of the bench should be slow. */
  #send(bytes: string | Buffer): void {
    if (this.#socket.write(bytes) < bytes.length) this.#socket.terminate()
  }
}

function contentOf(request: unknown): string {
  return text(member(list(member(request, 'messages')).at(-1), 'content'))
}

function errorBody(message: string): string {
  return JSON.stringify({ error: { message, type: 'invalid_request_error', param: null, code: null } })
}
