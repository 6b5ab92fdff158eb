import { join } from 'node:path'
import { Secret } from '../../src/chat/secret.ts'
import type { Logger } from '../../src/flow/call.ts'
import type { Cancel } from '../../src/flow/cancel.ts'
import { openTools, type ToolsOptions } from '../../src/tools/registry.ts'
import type { HttpServer, StdioServer, ToolServerConfig } from '../../src/tools/server-config.ts'
import type { Tool, ToolOutcome, ToolRegistry } from '../../src/tools/tool.ts'
import { machine, newCancel } from '../../src/wire/machine.double.ts'

import { type Seen, serveSdk } from './sdk-http.ts'

export const path = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/' }

/** Configures a program of this folder as a server. This Bun runs it. */
export function stdioServer(name: string, program: string, args: readonly string[], environment = {}): StdioServer {
  const script = join(import.meta.dir, program)
  return {
    name,
    transport: 'stdio',
    command: process.execPath,
    args: [script, ...args],
    environment: { ...path, ...environment },
  }
}

/** A server over HTTP. */
export interface HttpToolServer extends AsyncDisposable {
  readonly config: HttpServer
  readonly origin: string
  /** Returns its counts so far. */
  seen(): Seen
}

/** Starts the library's server over HTTP. Each has its own memory. */
export async function startHttpServer(
  name: string,
  transport: 'http' | 'sse',
  ...flags: string[]
): Promise<HttpToolServer> {
  const { origin, seen, close } = await serveSdk(transport, flags)
  const url = new Secret(`${origin}/${transport === 'sse' ? 'sse' : 'mcp'}`)
  return { origin, config: { name, transport, url, headers: {} }, seen, [Symbol.asyncDispose]: async () => close() }
}

/** The lines of a test's log. */
export function memoryLog(): Logger & { readonly lines: string[]; readonly warnings: string[] } {
  const lines: string[] = []
  const write = (fields: object, message: string) =>
    void lines.push(
      `${message} ${JSON.stringify(fields, (_key, value) => (value instanceof Error ? String(value) : value))}`,
    )
  const warnings: string[] = []
  const warn: typeof write = (fields, message) => {
    warnings.push(message)
    write(fields, message)
  }
  const log = { lines, warnings, debug: write, info: write, warn, error: write, child: () => log }
  return log
}

export interface OpenTools extends AsyncDisposable {
  readonly registry: ToolRegistry
  readonly log: ReturnType<typeof memoryLog>
  /** Returns the tools, by their names without the name of their server. */
  list(...servers: string[]): Promise<ReadonlyMap<string, Tool>>
  /** Runs a tool. */
  run(tool: string, args?: object, options?: RunOptions): Promise<ToolOutcome>
  state(server: string): ReturnType<ToolRegistry['servers']>[number] | undefined
}

interface RunOptions {
  readonly signal?: Cancel
  onChunk?(text: string): void
}

const never = newCancel()

export function open(servers: readonly ToolServerConfig[], options: Partial<ToolsOptions> = {}): OpenTools {
  const log = memoryLog()
  const registry = openTools({ servers }, { log, version: '0', runtime: machine, ...options })
  return {
    registry,
    log,
    async list(...names) {
      const tools = await registry.list(never, names.length > 0 ? names : servers.map(({ name }) => name))
      return new Map(tools.map((tool) => [tool.name.replace(/^.*?__/, ''), tool]))
    },
    async run(name, args = {}, { signal = never, onChunk = () => undefined } = {}) {
      const tool = (await this.list()).get(name)
      if (!tool) throw new Error(`there is no tool ${name}`)
      return tool.run({ ...args }, { signal, onChunk })
    },
    state: (server) => registry.servers().find(({ name }) => name === server),
    [Symbol.asyncDispose]: () => registry.close(),
  }
}
