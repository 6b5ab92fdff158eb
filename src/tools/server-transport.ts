import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import type { TransportHooks } from './hooks.ts'
import { McpFetch } from './mcp-fetch.ts'
import type { HttpServer, StdioServer, ToolServerConfig } from './server-config.ts'
import { StdioTransport } from './stdio.ts'
import { WatchedTransport } from './watched-transport.ts'

/** A transport to a server for the library, not started yet, and how it is ended. */
export interface ServerTransport {
  readonly transport: Transport
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
  const { parseJSONRPCMessage } = await import('@modelcontextprotocol/client')
  const check = (value: unknown) => {
    try {
      return parseJSONRPCMessage(value)
    } catch {
      return undefined
    }
  }
  const transport = new StdioTransport(server, check, hooks)
  return { transport, end: () => transport.close(), kill: () => transport.kill() }
}

/** Milliseconds for a server to end its session. */
const goodbyeMs = 1_000

async function openHttp(server: HttpServer, hooks: TransportHooks): Promise<ServerTransport> {
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client')
  const { watched, watch } = watchHttp(server, hooks, (message) => inner.onmessage?.(message))
  const inner = new StreamableHTTPClientTransport(new URL(server.url.reveal()), { fetch: watched.fetch })
  const kill = () => {
    watched.close()
    void inner.close()
  }
  return {
    transport: new WatchedTransport(inner, watch),
    async end() {
      const timer = hooks.runtime.timers.set(goodbyeMs, kill)
      // a server may refuse it (405), or have ended
      await inner.terminateSession().catch(() => undefined)
      timer.stop()
      kill()
    },
    kill,
  }
}

async function openSse(server: HttpServer, hooks: TransportHooks): Promise<ServerTransport> {
  const { SSEClientTransport } = await import('@modelcontextprotocol/client')
  const { watched, watch } = watchHttp(server, hooks, (message) => inner.onmessage?.(message))
  const inner = new SSEClientTransport(new URL(server.url.reveal()), { fetch: watched.fetch })
  const kill = () => {
    watched.close()
    void inner.close()
  }
  return { transport: new WatchedTransport(inner, watch), end: async () => kill(), kill }
}

function watchHttp(server: HttpServer, hooks: TransportHooks, deliver: (message: JSONRPCMessage) => void) {
  const watched = new McpFetch(server, hooks, deliver)
  const watch = (message: JSONRPCMessage) => {
    watched.note(message)
    hooks.onMessage(message)
  }
  return { watched, watch }
}
