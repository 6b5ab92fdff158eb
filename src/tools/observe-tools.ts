import { ChatError } from '../chat/error.ts'
import type { Fields } from '../chat/message.ts'
import type { Call } from '../flow/call.ts'
import type { Cancel } from '../flow/cancel.ts'
import type { Tool, ToolContext, ToolOutcome, ToolRegistry } from './tool.ts'

/** A run of a tool that has begun. It has no text of the arguments. */
export interface ToolRun {
  /** The name for models, `server__tool`. */
  readonly tool: string
  /** The name of its MCP server, or `builtin`. */
  readonly server: string
  /** The call that it runs for; undefined if it runs for none. */
  readonly call: Call | undefined
  readonly signal: Cancel
}

/** How a run ended. */
export interface ToolRunEnd {
  /** `ok`, `tool_failed` if the tool itself says so, or the code of the failure that ended the run, such as `upstream_timeout`. */
  readonly outcome: string
  readonly durationMs: number
}

/**
 * Is told that a run begins. It must be short and must not throw.
 * @returns what is told of its end, once; undefined if nobody asks
 */
export type ToolRunListener = (run: ToolRun) => ((end: ToolRunEnd) => void) | undefined

/** Tells the listeners of each run of a tool. The tools are the same ones as long as the registry lists the same ones. */
export function observeTools(registry: ToolRegistry, listeners: readonly ToolRunListener[]): ToolRegistry {
  if (listeners.length === 0) return registry
  const observed = new WeakMap<Tool, Tool>()
  const observe = (tool: Tool): Tool => {
    const known = observed.get(tool) ?? observedTool(tool, listeners)
    observed.set(tool, known)
    return known
  }
  return {
    list: async (signal, servers, missing) => (await registry.list(signal, servers, missing)).map(observe),
    servers: () => registry.servers(),
    inspect: (signal) => registry.inspect(signal),
    restart: (server) => registry.restart(server),
    close: () => registry.close(),
  }
}

function observedTool(tool: Tool, listeners: readonly ToolRunListener[]): Tool {
  return { ...tool, run: (args, context) => run(tool, { args, context, listeners }) }
}

interface Run {
  readonly args: Fields
  readonly context: ToolContext
  readonly listeners: readonly ToolRunListener[]
}

async function run(tool: Tool, { args, context, listeners }: Run): Promise<ToolOutcome> {
  const { signal, call } = context
  const ends = listeners.flatMap((listener) => listener({ tool: tool.name, server: tool.server, call, signal }) ?? [])
  const startedAt = signal.runtime.elapsed()
  const end = (outcome: string) => {
    const durationMs = signal.runtime.elapsed() - startedAt
    for (const tell of ends.splice(0)) tell({ outcome, durationMs })
  }
  // nobody waits for a tool that ignores its signal, so its run is over too
  const forget = signal.onAbort(() => end(codeOf(signal.reason)))
  try {
    const outcome = await tool.run(args, context)
    end(outcome.isError ? 'tool_failed' : 'ok')
    return outcome
  } catch (thrown) {
    end(codeOf(thrown))
    throw thrown
  } finally {
    forget()
  }
}

function codeOf(thrown: unknown): string {
  return thrown instanceof ChatError ? thrown.ownCode : 'internal'
}
