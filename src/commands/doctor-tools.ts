import { redact } from '../chat/secret.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../flow/call.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { openTools } from '../tools/registry.ts'
import type { ToolServerState } from '../tools/tool.ts'
import { version } from '../version.ts'
import { hideFromServers } from './hide-from-servers.ts'
import { table } from './table.ts'

/** Connects to all MCP servers for a moment, each within its own deadline. @returns their states */
export async function tryToolServers(
  config: Config,
  log: Logger,
  runtime: Runtime,
): Promise<readonly ToolServerState[]> {
  if (config.tools.servers.length === 0) return []
  hideFromServers(config, log)
  const registry = openTools(config.tools, { log, version, runtime })
  try {
    await registry.list(new CancelSource(runtime))
    // the program's own tools are always available
    return registry.servers().filter(({ transport }) => transport !== 'builtin')
  } finally {
    await registry.close()
  }
}

/** A table of the MCP servers; empty if none is configured. */
export function toolsTable(servers: readonly ToolServerState[], width: number | undefined): string {
  if (servers.length === 0) return ''
  const head = ['MCP server', 'state', 'tools', 'why', 'last line of stderr', 'what to do']
  return `\n${table(head, servers.map(row), width)}`
}

/** The MCP servers for the report in JSON. */
export function toolsReport(servers: readonly ToolServerState[]): readonly object[] {
  return servers.map((server) => {
    const [name, state, , why, stderr, advice] = row(server)
    return { server: name, transport: server.transport, state, tools: server.tools, why, stderr, advice }
  })
}

function row(server: ToolServerState): readonly string[] {
  const { name, status, tools, why = '', stderr = '' } = server
  return [name, status, String(tools), redact(why), redact(stderr), adviceOn(server)]
}

function adviceOn({ status, transport }: ToolServerState): string {
  if (status !== 'failed') return ''
  if (transport === 'stdio') return 'Run its command by hand: it has to exist, and to speak MCP on its standard output.'
  return 'Check its url and its headers, and whether it runs.'
}
