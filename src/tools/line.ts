import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import type { TransportHooks } from './hooks.ts'
import { McpFetch } from './mcp-fetch.ts'
import type { HttpServer, StdioServer, ToolServerConfig } from './server-config.ts'
import { StdioTransport } from './stdio.ts'

/** A way to a server, not yet begun, as the library takes it, and what else there is to be done with it. */
export interface Line {
  readonly transport: Transport
  /** To be told of each message that came. */
  sees(message: JSONRPCMessage): void
  /** Says goodbye as the transport has it, and frees all of it. */
  end(): Promise<void>
  /** Frees all of it at once. */
  kill(): void
}

export function openLine(server: ToolServerConfig, hooks: TransportHooks): Promise<Line> {
  if (server.transport === 'stdio') return openStdio(server, hooks)
  return server.transport === 'http' ? openHttp(server, hooks) : openSse(server, hooks)
}

async function openStdio(server: StdioServer, hooks: TransportHooks): Promise<Line> {
  const { JSONRPCMessageSchema } = await import('@modelcontextprotocol/sdk/types.js')
  const transport = new StdioTransport(server, (value) => JSONRPCMessageSchema.safeParse(value).data, hooks)
  return {
    transport,
    sees: () => undefined,
    end: () => transport.close(),
    kill: () => transport.kill(),
  }
}

/** How long a server may take to end its session. */
const goodbyeMs = 1_000

async function openHttp(server: HttpServer, hooks: TransportHooks): Promise<Line> {
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js')
  const watched: McpFetch = new McpFetch(server, hooks, (message) => transport.onmessage?.(message))
  const transport = new StreamableHTTPClientTransport(new URL(server.url.reveal()), { fetch: watched.fetch })
  const kill = () => {
    watched.close()
    void transport.close()
  }
  return {
    transport,
    sees: (message) => watched.sees(message),
    async end() {
      const timer = hooks.runtime.timers.set(goodbyeMs, kill)
      // a server may refuse it (405), or be gone
      await transport.terminateSession().catch(() => undefined)
      timer.stop()
      kill()
    },
    kill,
  }
}

async function openSse(server: HttpServer, hooks: TransportHooks): Promise<Line> {
  const { SSEClientTransport } = await import('@modelcontextprotocol/sdk/client/sse.js')
  const watched: McpFetch = new McpFetch(server, hooks, (message) => transport.onmessage?.(message))
  const transport = new SSEClientTransport(new URL(server.url.reveal()), { fetch: watched.fetch })
  const kill = () => {
    watched.close()
    void transport.close()
  }
  return {
    transport,
    sees: (message) => watched.sees(message),
    end: async () => kill(),
    kill,
  }
}
