import { type EmulatedExchange, emulateHttp, type HttpEmulator } from '../../src/wire/emulator/http.ts'

interface Answers {
  /** Answers the greeting; as an honest server unless said otherwise. */
  initialize?(exchange: EmulatedExchange, id: number): void | Promise<void>
  /** Answers the request for the tools. */
  list?(exchange: EmulatedExchange, id: number): void | Promise<void>
  /** Answers a call of the one tool there is, `a`, byte for byte. */
  call?(exchange: EmulatedExchange, id: number): void | Promise<void>
  /** Answers the request for the stream of what the server says by itself; refuses it unless said otherwise. */
  stream?(exchange: EmulatedExchange): void | Promise<void>
}

const greeting = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'a', version: '1' } }
const results: Readonly<Record<string, unknown>> = {
  initialize: greeting,
  'tools/list': { tools: [{ name: 'a', inputSchema: {} }] },
}

/** An MCP server over streamable HTTP, byte-exact where a test wants it so. MCP 2025-11-25, basic/transports */
export function emulateMcp({ initialize, list, call, stream }: Answers): Promise<HttpEmulator> {
  return emulateHttp((exchange) => {
    if (exchange.request.method === 'GET' && stream) return stream(exchange)
    if (exchange.request.method !== 'POST') return exchange.reply(405, '')
    const { id, method } = JSON.parse(exchange.request.body)
    if (id === undefined) return exchange.reply(202, '')
    if (method === 'initialize' && initialize) return initialize(exchange, id)
    if (method === 'tools/list' && list) return list(exchange, id)
    if (method === 'tools/call' && call) return call(exchange, id)
    exchange.reply(200, JSON.stringify({ jsonrpc: '2.0', id, result: results[method] ?? {} }), {
      'content-type': 'application/json',
    })
  })
}
