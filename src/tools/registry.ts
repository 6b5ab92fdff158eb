import { ChatError } from '../chat/error.ts'
import type { Logger } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { currentTime } from './builtin.ts'
import { type InProcessTool, inProcess } from './in-process.ts'
import type { McpServer } from './mcp-server.ts'
import { builtinServer } from './names.ts'
import type { ToolsConfig } from './server-config.ts'
import { shadowingWatch } from './shadowing.ts'
import type { Tool, ToolRegistry, ToolServerDetails, ToolServerState } from './tool.ts'

export interface ToolsOptions {
  readonly log: Logger
  readonly runtime: Runtime
  /** Our own version, which is sent to the servers. */
  readonly version: string
  /** Tools of the program itself, beside the current time. */
  readonly inProcess?: readonly InProcessTool[]
  /** Milliseconds that a request waits for the tools of a connected server. A starting server has its own deadline. */
  readonly listMs?: number
  readonly greetMs?: number
}

/** Loads what a server needs, zod among it, only if there is one (docs/decisions/0050-late-modules.md). */
function openMcpServer(...options: ConstructorParameters<typeof McpServer>): McpServer {
  const loaded: typeof import('./mcp-server.ts') = require('./mcp-server.ts')
  return new loaded.McpServer(...options)
}

/** Milliseconds that a look at the servers waits for the tools of a connected one. */
const inspectMs = 2_000

/** Opens the registry: the program's own tools, and the configured servers, which connect in the background. */
export function openTools(config: ToolsConfig, options: ToolsOptions): ToolRegistry {
  const { log, version, runtime, listMs = 10_000, greetMs } = options
  const about = { log, version, runtime, ...(greetMs !== undefined && { greetMs }) }
  const servers = config.servers.map((server) => openMcpServer(server, about))
  for (const server of servers) server.start()
  const own = [currentTime(() => runtime.now()), ...(options.inProcess ?? [])].map(inProcess)
  const watchShadowing = shadowingWatch(log)
  const toolsOf = limitWait(listMs)
  const toolsSoon = limitWait(inspectMs)
  const ownState = { name: builtinServer, transport: 'builtin', status: 'connected', tools: own.length } as const
  const builtin: ToolServerState = { ...ownState, since: runtime.now() }
  return {
    async list(signal, names, missing) {
      signal.throwIfAborted()
      const isAsked = (name: string) => names === undefined || names.includes(name)
      const lists = await Promise.all(
        servers
          .filter(({ name }) => isAsked(name))
          .map(async (server) => {
            missing?.add(server.name)
            const tools = await toolsOf(server, signal)
            if (tools) missing?.delete(server.name)
            return tools ?? []
          }),
      )
      signal.throwIfAborted()
      const tools = [...(isAsked(builtinServer) ? own : []), ...lists.flat()]
      watchShadowing(tools)
      return tools
    },
    servers: () => [builtin, ...servers.map(({ state }) => state)],
    async inspect(signal) {
      const details = await Promise.all(servers.map((server) => inspectServer(server, toolsSoon, signal)))
      signal.throwIfAborted()
      return [{ state: builtin, tools: own }, ...details]
    },
    restart: (name) => restartServer(servers.find((server) => server.name === name)),
    async close() {
      await Promise.all(servers.map((server) => server.close()))
    },
  }
}

async function inspectServer(server: McpServer, toolsSoon: ListTools, signal: Cancel): Promise<ToolServerDetails> {
  const listed = server.state.status === 'connected' ? await toolsSoon(server, signal) : undefined
  return { state: server.state, tools: listed ?? server.knownTools }
}

function restartServer(server: McpServer | undefined): Promise<void> | undefined {
  // the reason of a failure is in the state and in the log
  return server?.restart().catch(() => undefined)
}

type ListTools = (server: McpServer, signal: Cancel) => Promise<readonly Tool[] | undefined>

/**
 * Lists a server's tools; undefined if it cannot be reached in time. After a wait without an answer, later requests wait
 * only a tenth as long until the server answers: a server that is down delays the first request, and not all of them.
 */
function limitWait(listMs: number): ListTools {
  const overdue = new WeakSet<McpServer>()
  return async (server, signal) => {
    const link = signal.child()
    const giveUp = () => {
      overdue.add(server)
      link.abort(timedOut)
    }
    const limitMs = overdue.has(server) ? listMs / 10 : listMs
    const timer = server.isStarting ? undefined : signal.runtime.timers.set(limitMs, giveUp)
    try {
      const tools = await server.list(link)
      overdue.delete(server)
      return tools
    } catch {
      // the reason of the failure is in the state and in the log
      return undefined
    } finally {
      timer?.stop()
      link.release()
    }
  }
}

const timedOut = new ChatError('timeout', { message: 'The server did not list its tools in time.' })
