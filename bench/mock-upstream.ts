/**
 * An upstream for the benchmark, with the dialects of OpenAI and Anthropic. It is a raw TCP server, so that it costs little compared with the proxies. Its
 * routes are `POST /v1/chat/completions`, `/v1/messages` and `/v1/responses` (mock-scripts.ts), `GET /v1/models`, with `MORE_MODELS` models more, and `GET /health`. The bench itself uses
 * two more: `GET /control/state` reports the requests whose answers are not ended, and the cut ones with their times. `GET
 * /control/forget` empties the list of the cut ones.
 */
import { epochMs } from './clock.ts'
import { type Journal, MockConnection } from './mock-connection.ts'
import { modelList } from './mock-frames.ts'

type Cut = { readonly content: string; readonly atMs: number }

const models = modelList(Number(process.env.MORE_MODELS ?? 0))
const pending = new Set<string>()
let cuts: Cut[] = []

const journal: Journal = {
  begun: (content) => pending.add(content),
  ended: (content) => pending.delete(content),
  cut: (content) => {
    pending.delete(content)
    cuts.push({ content, atMs: epochMs() })
  },
  fixedAnswer: (requestLine) => {
    if (requestLine.startsWith('GET /v1/models ')) return models
    if (requestLine.startsWith('GET /health ')) return '{"status":"ok"}'
    if (requestLine.startsWith('GET /control/state ')) return JSON.stringify({ pending: [...pending], cuts })
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
    drain: (socket) => socket.data?.drain(),
    close: (socket) => socket.data?.close(),
    error: (socket) => socket.terminate(),
  },
})

console.log(`mock upstream on http://127.0.0.1:${server.port}`)
