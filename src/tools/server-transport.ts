import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import type { TransportHooks } from './hooks.ts'
import { McpFetch } from './mcp-fetch.ts'
import type { HttpServer, StdioServer, ToolServerConfig } from './server-config.ts'
import { StdioTransport } from './stdio.ts'

/** A transport to a server for the library, not started yet, and how it is ended. */
export interface ServerTransport {
  readonly transport: Transport
  /** Must be called with each message that arrives. */
  note(message: JSONRPCMessage): void
  /** Ends the session properly, and frees everything. */
  end(): Promise<void>
  /** Frees everything at once. */
  kill(): void
}

export function openTransport(server: ToolServerConfig, hooks: TransportHooks): Promise<ServerTransport> {
  if (server.transport === 'stdio') return openStdio(server, hooks)
  return server.transport === 'http' ? openHttp(server, hooks) : openSse(server, hooks)
}

async function openStdio(server: StdioServer, hooks: TransportHooks): Promise<ServerTransport> {
  const { JSONRPCMessageSchema } = await import('@modelcontextprotocol/sdk/types.js')
  const transport = new StdioTransport(server, (value) => JSONRPCMessageSchema.safeParse(value).data, hooks)
  return {
    transport,
    note: () => undefined,
    end: () => transport.close(),
    kill: () => transport.kill(),
  }
}

/** Milliseconds for a server to end its session. */
const goodbyeMs = 1_000

async function openHttp(server: HttpServer, hooks: TransportHooks): Promise<ServerTransport> {
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js')
  const watched: McpFetch = new McpFetch(server, hooks, (message) => transport.onmessage?.(message))
  const transport = new StreamableHTTPClientTransport(new URL(server.url.reveal()), { fetch: watched.fetch })
  const kill = () => {
    watched.close()
    void transport.close()
  }
  return {
    transport,
    note: (message) => watched.note(message),
    async end() {
      const timer = hooks.runtime.timers.set(goodbyeMs, kill)
      // a server may refuse it (405), or have ended
      await transport.terminateSession().catch(() => undefined)
      timer.stop()
      kill()
    },
    kill,
  }
}

async function openSse(server: HttpServer, hooks: TransportHooks): Promise<ServerTransport> {
  const { SSEClientTransport } = await import('@modelcontextprotocol/sdk/client/sse.js')
  const watched: McpFetch = new McpFetch(server, hooks, (message) => transport.onmessage?.(message))
  const transport = new SSEClientTransport(new URL(server.url.reveal()), { fetch: watched.fetch })
  const kill = () => {
    watched.close()
    void transport.close()
  }
  return {
    transport,
    note: (message) => watched.note(message),
    end: async () => kill(),
    kill,
  }
}
