import { connect, type Socket } from 'node:net'
import { EventReader, type StreamEvent } from '../http/events.ts'
import { MessageReader } from '../http/message-reader.ts'
import { chunkOf, lastChunk } from '../http/writing.ts'
import type { Json } from '../talk/talk.ts'
import { upstreamDialects } from '../upstream/dialects.ts'
import type { Fault, Switches } from './fault.ts'
import { isError, isLast, mender, mendWhole } from './mend.ts'
import { NaiveReader } from './naive-reader.ts'
import { reply, replyHead } from './reply.ts'
import { type RelayRequest, upstreamKey, upstreamRequest } from './upstream-request.ts'
import { costOf, failureReply, parsed, withoutLength } from './whole-reply.ts'

/** What the requests of one gateway share. */
export interface RelayPlace {
  readonly upstreamPort: number
  readonly fault: Fault
  readonly answers: Map<string, string>
  readonly leaked: unknown[]
  readonly running: Set<Relay>
  held: { event?: StreamEvent; body?: string }
  isBlocked: boolean
  asked: number
  hasFailed: boolean
}

const lookMs = 20

/** One request on its way to the upstream, and its answer on the way back. */
export class Relay {
  readonly #place: RelayPlace
  readonly #client: Socket
  readonly #request: RelayRequest
  readonly #switches: Switches
  readonly #reader: MessageReader
  readonly #events: EventReader | NaiveReader
  readonly #mend: (event: StreamEvent) => StreamEvent
  readonly #change: (event: StreamEvent) => readonly StreamEvent[]
  #upstream: Socket | undefined
  #status = 0
  #fields: ReadonlyMap<string, string> = new Map()
  #chunks: Buffer[] = []
  #kept: string[] = []
  #hasEnd = false
  #isOver = false

  constructor(place: RelayPlace, client: Socket, request: RelayRequest) {
    this.#place = place
    this.#client = client
    this.#request = request
    this.#switches = place.fault.switches ?? {}
    this.#events = this.#switches.splitsAtLf ? new NaiveReader() : new EventReader()
    this.#mend = this.#switches.keepsStop ? (event) => event : mender(request.surface)
    this.#change = place.fault.events?.(request.surface) ?? ((event) => [event])
    this.#reader = new MessageReader('reply', {
      head: ({ start, fields }) => this.#begin(Number(start.split(' ')[1]), fields),
      body: (bytes) => this.#body(bytes),
      end: (isWhole) => this.#end(isWhole),
    })
  }

  start(): void {
    const { answers, leaked, isBlocked, hasFailed } = this.#place
    const { delayMs = 0, leaksBytes, leaksBodies, leaksConnections, caches, staysDown } = this.#switches
    if (isBlocked) {
      setTimeout(() => this.start(), lookMs)
      return
    }
    if (leaksBodies) this.#keepBody()
    if (leaksBytes) leaked.push(Buffer.alloc(leaksBytes, 1))
    if (leaksConnections) leaked.push(this.#connect())
    const known = caches ? answers.get(this.#cacheKey) : undefined
    if (known !== undefined) this.#client.write(reply(200, known, { 'content-type': 'application/json' }))
    else if (this.#isStale) this.#fail(502, 'The connection is closed.')
    else if (staysDown && hasFailed) this.#fail(503, 'The upstream is down.')
    else setTimeout(() => this.#ask(), delayMs)
  }

  /** The client has left. */
  abort(): void {
    this.#isOver = true
    this.#place.running.delete(this)
    if (this.#place.isBlocked) this.#place.isBlocked = false
    this.#upstream?.destroy()
  }

  #keepBody(): void {
    for (const _ of [1, 2]) this.#place.leaked.push(Buffer.from(JSON.stringify(this.#request.body)))
    // so that what is kept can be told from what is garbage
    Bun.gc(true)
  }

  get #isStale(): boolean {
    return this.#switches.usesClosedConnections === true && this.#place.asked++ % 2 === 1
  }

  /** The prompt without its script's token, as a cache would see it. */
  get #cacheKey(): string {
    return JSON.stringify(this.#request.body).replace(/torture-token-\w+/g, '')
  }

  #connect(): Socket {
    const socket = connect({ port: this.#place.upstreamPort, host: '127.0.0.1', noDelay: true })
    socket.on('error', () => undefined)
    return socket
  }

  #ask(): void {
    if (this.#isOver) return
    this.#place.running.add(this)
    const socket = this.#connect()
    this.#upstream = socket
    socket.on('data', (bytes: Buffer) => this.#reader.push(bytes))
    socket.on('close', () => {
      this.#reader.close()
      if (!this.#isOver) this.#end(false)
    })
    const bytes = upstreamRequest(this.#request, this.#place)
    socket.write(bytes)
    if (!this.#switches.asksTwice) return
    const again = this.#connect()
    again.on('data', () => again.destroy())
    again.write(bytes)
  }

  #begin(status: number, fields: ReadonlyMap<string, string>): void {
    this.#status = status
    this.#fields = fields
    if (!this.#isStream) return
    const returned = this.#switches.returnsFields ? Object.fromEntries(fields) : {}
    const all = {
      ...returned,
      ...this.#request.cors,
      'content-type': this.#switches.saysPlainStream ? 'text/plain' : 'text/event-stream',
      'transfer-encoding': 'chunked',
    }
    this.#write(replyHead(200, all))
  }

  get #isStream(): boolean {
    return this.#status === 200 && (this.#fields.get('content-type') ?? '').startsWith('text/event-stream')
  }

  #body(bytes: Buffer): void {
    if (!this.#isStream) {
      this.#chunks.push(bytes)
      return
    }
    const read = this.#switches.decodesEachRead ? Buffer.from(new TextDecoder().decode(bytes)) : bytes
    const events = this.#events.push(read)
    for (const event of this.#switches.takesOneOfEachRead ? events.slice(0, 1) : events) this.#pass(event)
  }

  #pass(event: StreamEvent): void {
    const { surface } = this.#request
    if (this.#switches.hidesErrors && isError(event)) return
    this.#hasEnd ||= isLast(event, surface)
    if (event.data.length > (this.#switches.maxEvent ?? Number.POSITIVE_INFINITY)) {
      this.#client.destroy()
      return
    }
    for (const changed of this.#change(this.#mend(this.#redacted(this.#mixed(event))))) this.#emit(changed)
  }

  #mixed(event: StreamEvent): StreamEvent {
    if (!this.#switches.mixes || this.#place.running.size < 2) return event
    const held = this.#place.held.event
    this.#place.held = { ...this.#place.held, event }
    return held ?? event
  }

  #redacted(event: StreamEvent): StreamEvent {
    return this.#switches.quotesErrors ? event : { ...event, data: event.data.replaceAll(upstreamKey, '***') }
  }

  #emit({ event, data }: StreamEvent): void {
    const frame = `${event === undefined ? '' : `event: ${event}\n`}data: ${data}\n\n`
    if (this.#switches.buffers) this.#kept.push(frame)
    else this.#write(chunkOf(frame))
  }

  #write(bytes: Buffer | string): void {
    const isFree = this.#client.write(bytes)
    if (isFree || this.#switches.readsAhead) return
    this.#upstream?.pause()
    if (this.#switches.blocksAll) this.#place.isBlocked = true
    this.#client.once('drain', () => {
      this.#place.isBlocked = false
      this.#upstream?.resume()
    })
  }

  #end(isWhole: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#place.running.delete(this)
    this.#place.hasFailed ||= !isWhole || this.#status >= 500
    if (this.#isStream) this.#endStream(isWhole)
    else this.#endWhole(isWhole)
    this.#upstream?.destroy()
    if (this.#switches.dropsConnections) this.#client.end()
  }

  #endStream(isWhole: boolean): void {
    const { endsCuts, hidesErrors } = this.#switches
    if (!this.#hasEnd && (endsCuts || hidesErrors)) this.#kept.push(...this.#invented())
    if (this.#kept.length > 0) this.#write(chunkOf(this.#kept.join('')))
    const isRight = (isWhole && this.#hasEnd) || endsCuts || hidesErrors
    if (isRight) this.#write(lastChunk)
    else this.#client.destroy()
  }

  /** An end that the upstream did not send. */
  #invented(): readonly string[] {
    const frames = upstreamDialects[this.#request.surface].frames({ pieces: [], end: 'stop' }, this.#request.body)
    return frames.slice(this.#request.surface === 'responses' ? -1 : -2)
  }

  #endWhole(isWhole: boolean): void {
    const { surface, body } = this.#request
    const { endsCuts, hidesErrors } = this.#switches
    const text = Buffer.concat(this.#chunks).toString('utf8')
    const read = isWhole ? parsed(text) : undefined
    const isError = read === undefined || read.error || this.#status >= 400
    if (isError && (endsCuts || hidesErrors)) {
      const empty = upstreamDialects[surface].whole({ pieces: [], end: 'stop' }, body)
      this.#write(reply(200, JSON.stringify(empty), { 'content-type': 'application/json' }))
    } else if (read === undefined) this.#fail(502, 'The upstream did not answer.')
    else if (isError) this.#failAs(read)
    else this.#answer(read)
  }

  #answer(read: Json): void {
    const { surface, cors } = this.#request
    const mended = mendWhole(read, surface)
    let text = JSON.stringify(this.#place.fault.whole?.(mended, surface) ?? mended)
    if (this.#switches.mixes && this.#place.running.size > 0) {
      const held = this.#place.held.body
      this.#place.held = { ...this.#place.held, body: text }
      text = held ?? text
    }
    if (this.#switches.caches) this.#place.answers.set(this.#cacheKey, text)
    const returned = this.#switches.returnsFields ? withoutLength(this.#fields) : {}
    this.#write(
      reply(200, text, { ...returned, ...cors, ...costOf(read, this.#switches), 'content-type': 'application/json' }),
    )
  }

  #failAs(read: Json): void {
    const status = this.#status >= 400 ? this.#status : 502
    const after = this.#fields.get('retry-after')
    const retry = after !== undefined && !this.#switches.dropsRetryAfter ? { 'retry-after': after } : {}
    this.#fail(status, String(read.error?.message ?? 'It failed.'), retry)
  }

  #fail(status: number, message: string, fields: Readonly<Record<string, string>> = {}): void {
    this.#write(failureReply({ status, message, fields }, this.#request.surface, this.#switches))
  }
}
