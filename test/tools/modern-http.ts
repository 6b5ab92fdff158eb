import { createMcpHandler } from '@modelcontextprotocol/server'
import { Secret } from '../../src/chat/secret.ts'
import type { HttpServer } from '../../src/tools/server-config.ts'
import { type ModernMemory, modernServer } from './modern-tools.ts'

/** A server of the revision 2026-07-28 over HTTP. It knows no older revision. */
export interface ModernHttp extends AsyncDisposable {
  readonly config: HttpServer
  readonly memory: ModernMemory
  /** The methods of all requests: of HTTP, and of the protocol. */
  readonly asked: readonly string[]
}

export function startModernHttp(name: string, { ttlMs = 0 }: { ttlMs?: number } = {}): ModernHttp {
  const memory = { lists: 0, cancelled: 0, hasGrown: false, changed: () => handler.notify.toolsChanged() }
  const handler = createMcpHandler(modernServer(memory, ttlMs), { legacy: 'reject' })
  const asked: string[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      asked.push(`${request.method} ${request.headers.get('mcp-method') ?? 'none'}`)
      return handler.fetch(request)
    },
  })
  const url = new Secret(`http://127.0.0.1:${server.port}/mcp`)
  return {
    config: { name, transport: 'http', url, headers: {} },
    memory,
    asked,
    async [Symbol.asyncDispose]() {
      await handler.close()
      await server.stop(true)
    },
  }
}
