import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { type EventStore, StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { type Memory, sdkServer } from './sdk-tools.ts'

/** The counts of a server. */
export interface Seen {
  readonly seen: readonly { readonly method: string; readonly headers: Readonly<Record<string, unknown>> }[]
  readonly memory: Pick<Memory, 'runs' | 'cancelled'>
  readonly sessions: number
  /** Replies to a POST that have not ended. */
  readonly openReplies: number
}

export interface SdkHttp {
  readonly origin: string
  /** Open connections now. */
  seen(): Seen
  /** Closes all connections. */
  close(): void
}

/** Runs the library's server over HTTP. Flags: `json` for JSON replies, `resumable` for replies that can be resumed. */
export async function serveSdk(kind: 'http' | 'sse', flags: readonly string[]): Promise<SdkHttp> {
  const house = new House(flags)
  const server = createServer((request, response) => house.answer(kind, request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('the server has no port')
  return {
    origin: `http://127.0.0.1:${address.port}`,
    seen: () => house.seen(),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Every session of one server. */
class House {
  readonly #flags: readonly string[]
  readonly #seen: { method: string; headers: Record<string, unknown> }[] = []
  readonly #streamable = new Map<string, StreamableHTTPServerTransport>()
  readonly #legacy = new Map<string, SSEServerTransport>()
  #openReplies = 0
  #newest: ServerResponse | undefined
  readonly #memory: Memory = {
    runs: 0,
    cancelled: 0,
    isChanged: false,
    hasGrown: false,
    drop: () => this.#newest?.socket?.destroy(),
    forget: () => this.#streamable.clear(),
  }

  constructor(flags: readonly string[]) {
    this.#flags = flags
  }

  seen(): Seen {
    return {
      seen: [...this.#seen],
      memory: { ...this.#memory },
      sessions: this.#streamable.size + this.#legacy.size,
      openReplies: this.#openReplies,
    }
  }

  answer(kind: 'http' | 'sse', request: IncomingMessage, response: ServerResponse): void {
    this.#seen.push({ method: request.method ?? '', headers: { ...request.headers, url: request.url } })
    if (request.method === 'POST') {
      this.#openReplies++
      response.on('close', () => this.#openReplies--)
      if (kind === 'http') this.#newest = response
    }
    const answer = kind === 'sse' ? this.#sse(request, response) : this.#streaming(request, response)
    answer.catch((thrown) => {
      process.stderr.write(`${thrown}\n`)
      response.destroy()
    })
  }

  async #streaming(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    const id = String(request.headers['mcp-session-id'] ?? '')
    const known = this.#streamable.get(id)
    if (!known && id !== '') return void response.writeHead(404).end()
    const transport = known ?? (await this.#newSession())
    await transport.handleRequest(request, response, body)
  }

  async #newSession(): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      retryInterval: 20,
      ...(this.#flags.includes('resumable') && { eventStore: eventStore() }),
      enableJsonResponse: this.#flags.includes('json'),
      onsessioninitialized: (session) => void this.#streamable.set(session, transport),
      onsessionclosed: (session) => void this.#streamable.delete(session),
    })
    await sdkServer(this.#memory).connect(transport)
    return transport
  }

  async #sse(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://any')
    if (pathname === '/sse') {
      const transport = new SSEServerTransport('/messages', response)
      this.#legacy.set(transport.sessionId, transport)
      response.on('close', () => this.#legacy.delete(transport.sessionId))
      this.#newest = response
      await sdkServer(this.#memory).connect(transport)
      return
    }
    const transport = this.#legacy.get(searchParams.get('sessionId') ?? '')
    if (!transport) return void response.writeHead(404).end()
    await transport.handlePostMessage(request, response, await bodyOf(request))
  }
}

function eventStore(): EventStore {
  const events: { id: string; stream: string; message: unknown }[] = []
  return {
    async storeEvent(stream, message) {
      const id = `${stream}_${events.length}`
      events.push({ id, stream, message })
      return id
    },
    async replayEventsAfter(last, { send }) {
      const at = events.findIndex(({ id }) => id === last)
      const stream = events[at]?.stream ?? ''
      for (const { id, message, stream: of } of events.slice(at + 1))
        if (of === stream && Object.keys(message ?? {}).length > 0) await send(id, JSON.parse(JSON.stringify(message)))
      return stream
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(Buffer.from(part))
  const text = Buffer.concat(parts).toString()
  return text === '' ? undefined : JSON.parse(text)
}
