import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { type EventStore, StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { type Memory, sdkServer } from './sdk-tools.ts'

// A process of its own: `sdk-server.ts stdio|http|sse`. Over HTTP its first line of output is its port; a GET of
// /seen tells what it has seen, as JSON.

const kind = process.argv[2]
const seen: { method: string; headers: Record<string, unknown> }[] = []
const streamable = new Map<string, StreamableHTTPServerTransport>()
const legacy = new Map<string, SSEServerTransport>()
let openReplies = 0
let newest: ServerResponse | undefined
const memory: Memory = {
  runs: 0,
  cancelled: 0,
  isChanged: false,
  hasGrown: false,
  drop: () => newest?.socket?.destroy(),
  forget: () => streamable.clear(),
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

async function answerStreamable(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request)
  const id = String(request.headers['mcp-session-id'] ?? '')
  let transport = streamable.get(id)
  if (!transport && id !== '') return void response.writeHead(404).end()
  if (!transport) {
    transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      retryInterval: 20,
      ...(process.argv.includes('resumable') && { eventStore: eventStore() }),
      enableJsonResponse: process.argv.includes('json'),
      onsessioninitialized: (session) => {
        if (transport) streamable.set(session, transport)
      },
      onsessionclosed: (session) => void streamable.delete(session),
    })
    await sdkServer(memory).connect(transport)
  }
  await transport.handleRequest(request, response, body)
}

async function answerSse(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://any')
  if (pathname === '/sse') {
    const transport = new SSEServerTransport('/messages', response)
    legacy.set(transport.sessionId, transport)
    response.on('close', () => legacy.delete(transport.sessionId))
    newest = response
    await sdkServer(memory).connect(transport)
    return
  }
  const transport = legacy.get(searchParams.get('sessionId') ?? '')
  if (!transport) return void response.writeHead(404).end()
  await transport.handlePostMessage(request, response, await bodyOf(request))
}

if (kind === 'stdio') await sdkServer(memory).connect(new StdioServerTransport())
else {
  const server = createServer((request, response) => {
    if (request.url === '/seen')
      return void response.end(JSON.stringify({ seen, memory, sessions: streamable.size + legacy.size, openReplies }))
    seen.push({ method: request.method ?? '', headers: { ...request.headers, url: request.url } })
    if (request.method === 'POST') {
      openReplies++
      response.on('close', () => openReplies--)
      if (kind === 'http') newest = response
    }
    void (kind === 'sse' ? answerSse : answerStreamable)(request, response).catch((thrown) => {
      process.stderr.write(`${thrown}\n`)
      response.destroy()
    })
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    process.stdout.write(`${address && typeof address === 'object' ? address.port : 0}\n`)
  })
}
