/**
 * An OpenAI upstream for the benchmark. It is a raw TCP server, so that it costs little compared with the proxies. Its
 * routes are `POST /v1/chat/completions` (mock-scripts.ts), `GET /v1/models` and `GET /health`. The bench itself uses
 * two more: `GET /control/state` reports the open connections, and the cut requests with their times. `GET
 * /control/forget` empties that list.
 */
import { epochMs } from './clock.ts'
import { type Journal, MockConnection } from './mock-connection.ts'

type Cut = { readonly content: string; readonly atMs: number }

let openConnections = 0
let cuts: Cut[] = []

const journal: Journal = {
  opened: () => {
    openConnections += 1
  },
  closed: () => {
    openConnections -= 1
  },
  cut: (content) => {
    cuts.push({ content, atMs: epochMs() })
  },
  control: (requestLine) => {
    if (requestLine.startsWith('GET /health ')) return '{"status":"ok"}'
    if (requestLine.startsWith('GET /control/state ')) return JSON.stringify({ openConnections, cuts })
    if (!requestLine.startsWith('GET /control/forget ')) return undefined
    cuts = []
    return '{}'
  },
}

const server = Bun.listen<MockConnection | undefined>({
  hostname: '127.0.0.1',
  port: 0,
  data: undefined,
  socket: {
    open: (socket) => {
      socket.setNoDelay(true)
      socket.data = new MockConnection(socket, journal)
    },
    data: (socket, bytes) => socket.data?.push(bytes),
    close: (socket) => socket.data?.close(),
    error: (socket) => socket.terminate(),
  },
})

console.log(`mock upstream on http://127.0.0.1:${server.port}`)
