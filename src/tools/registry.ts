import { linkAbort } from '../chat/abort.ts'
import type { Logger } from '../chat/call.ts'
import { ChatError } from '../chat/error.ts'
import { currentTime } from './builtin.ts'
import { type InProcessTool, inProcess } from './in-process.ts'
import { McpServer } from './mcp-server.ts'
import { builtinServer } from './names.ts'
import type { ToolsConfig } from './server-config.ts'
import { shadowingWatch } from './shadowing.ts'
import type { Tool, ToolRegistry } from './tool.ts'

export interface ToolsOptions {
  readonly log: Logger
  /** Our own version, which servers are told. */
  readonly version: string
  /** Tools of the program itself, beside the current time. */
  readonly inProcess?: readonly InProcessTool[]
  /** Milliseconds by a steady clock, and a number from 0 to 1; the runtime's own. */
  readonly now?: () => number
  readonly random?: () => number
  /** Milliseconds that a request waits for a server's tools; the server goes on connecting, for the next one. */
  readonly listMs?: number
}

/** The configured servers and the program's own tools. Nothing is connected before it is needed. */
export function openTools(config: ToolsConfig, options: ToolsOptions): ToolRegistry {
  const { log, version, now = () => performance.now(), random = Math.random, listMs = 10_000 } = options
  const servers = config.servers.map((server) => new McpServer(server, { log, version, now, random }))
  const own = [currentTime(Date.now), ...(options.inProcess ?? [])].map(inProcess)
  const watchShadowing = shadowingWatch(log)
  const toolsOf = patiently(listMs)
  return {
    async list(signal, names) {
      signal.throwIfAborted()
      const isAsked = (name: string) => names === undefined || names.includes(name)
      const lists = await Promise.all(
        servers.filter(({ name }) => isAsked(name)).map((server) => toolsOf(server, signal)),
      )
      signal.throwIfAborted()
      const tools = [...(isAsked(builtinServer) ? own : []), ...lists.flat()]
      watchShadowing(tools)
      return tools
    },
    servers: () => [
      { name: builtinServer, transport: 'builtin', status: 'connected', tools: own.length },
      ...servers.map(({ state }) => state),
    ],
    async close() {
      await Promise.all(servers.map((server) => server.close()))
    },
  }
}

/**
 * None of a server that cannot be reached, or not in time. One that was waited for in vain is waited for a tenth as long
 * until it answers: a server that is down slows down the first request, and not all of them.
 */
function patiently(listMs: number): (server: McpServer, signal: AbortSignal) => Promise<readonly Tool[]> {
  const overdue = new WeakSet<McpServer>()
  return async (server, signal) => {
    const link = linkAbort(signal)
    const giveUp = () => {
      overdue.add(server)
      link.abort(late)
    }
    const timer = setTimeout(giveUp, overdue.has(server) ? listMs / 10 : listMs)
    try {
      const tools = await server.list(link.signal)
      overdue.delete(server)
      return tools
    } catch {
      // why it failed is its state, and in the log
      return []
    } finally {
      clearTimeout(timer)
      link.release()
    }
  }
}

const late = new ChatError('timeout', { message: 'The server was waited for long enough.' })
