import { type EmulatedExchange, emulateHttp, type HttpEmulator } from '../../src/wire/emulator/http.ts'

interface Answers {
  /** Answers `initialize`. The default is a correct answer. */
  initialize?(exchange: EmulatedExchange, id: number): void | Promise<void>
  /** Answers the request for the tools. */
  list?(exchange: EmulatedExchange, id: number): void | Promise<void>
  /** Writes the answer to a call of the only tool, `a`, byte for byte. */
  call?(exchange: EmulatedExchange, id: number): void | Promise<void>
  /** Answers the request for the server's own stream. The default is a refusal. */
  stream?(exchange: EmulatedExchange): void | Promise<void>
}

const greeting = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'a', version: '1' } }
const results: Readonly<Record<string, unknown>> = {
  initialize: greeting,
  'tools/list': { tools: [{ name: 'a', inputSchema: {} }] },
}

/** Starts an MCP server over streamable HTTP. A test can set its exact bytes. MCP 2025-11-25, basic/transports */
export function emulateMcp({ initialize, list, call, stream }: Answers): Promise<HttpEmulator> {
  return emulateHttp((exchange) => {
    if (exchange.request.method === 'GET' && stream) return stream(exchange)
    if (exchange.request.method !== 'POST') return exchange.reply(405, '')
    const { id, method } = JSON.parse(exchange.request.body)
    if (id === undefined) return exchange.reply(202, '')
    if (method === 'server/discover') {
      const error = { code: -32_601, message: 'Method not found' }
      return exchange.reply(400, JSON.stringify({ jsonrpc: '2.0', id, error }), { 'content-type': 'application/json' })
    }
    if (method === 'initialize' && initialize) return initialize(exchange, id)
    if (method === 'tools/list' && list) return list(exchange, id)
    if (method === 'tools/call' && call) return call(exchange, id)
    exchange.reply(200, JSON.stringify({ jsonrpc: '2.0', id, result: results[method] ?? {} }), {
      'content-type': 'application/json',
    })
  })
}
