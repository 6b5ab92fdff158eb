import type { Config } from '../config/config.ts'
import { hideEnvironment } from '../config/hide-environment.ts'
import type { Logger } from '../flow/call.ts'

/** Hides our secrets before tool servers are started as processes of ours, because they run other people's code. */
export function hideFromServers({ tools }: Config, log: Logger): void {
  if (!tools.servers.some(({ transport }) => transport === 'stdio')) return
  const why = hideEnvironment()
  if (why !== undefined) log.warn({ why }, 'MCP servers of the same user may read this process’s environment')
}
