import type { Client, VersionNegotiationMode } from '@modelcontextprotocol/client'
import { httpStatus, isRefusal } from './failure.ts'
import type { ToolServerConfig } from './server-config.ts'

const newestRevision = '2026-07-28'

/** The library's code for an era that could not be found. */
const notFound = 'ERA_NEGOTIATION_FAILED'

/**
 * How a server is asked which revision it speaks: `auto` for one that is not known yet, otherwise what it was found to
 * speak. MCP 2026-07-28, basic/versioning
 */
export type EraMode = VersionNegotiationMode

export interface ClientOptions {
  readonly version: string
  readonly mode: EraMode
  /** Milliseconds after which a process that is silent counts as an older server: some never answer an unknown request. */
  readonly probeMs: number
}

/** The name by which a gateway knows another one. */
export const ownName = 'tributary'

/** The caller limits all times, so the library must not. */
export const noLimitMs = 24 * 3600 * 1000

/** Makes the library's client. It can ask nobody anything, so it has no capabilities. */
export async function newClient(
  { transport }: ToolServerConfig,
  { version, mode, probeMs }: ClientOptions,
): Promise<Client> {
  const { Client } = await import('@modelcontextprotocol/client')
  const timeoutMs = mode === 'auto' && transport === 'stdio' ? probeMs : noLimitMs
  const versionNegotiation = { mode: transport === 'sse' ? 'legacy' : mode, probe: { timeoutMs } } as const
  const client = new Client({ name: ownName, version }, { capabilities: {}, versionNegotiation })
  // the library handles progress too late: after the answer, if both came together
  client.removeNotificationHandler('notifications/progress')
  return client
}

/** A failed attempt to connect. */
export interface FailedAttempt {
  readonly mode: EraMode
  readonly transport: ToolServerConfig['transport']
  readonly thrown: unknown
  /** Whether the server's process has ended by itself. */
  readonly hasEnded: boolean
}

/** What else to try at once after the library's own attempt has failed; undefined if there is nothing. */
export function nextMode({ mode, transport, thrown, hasEnded }: FailedAttempt): EraMode | undefined {
  if (mode !== 'auto') return undefined
  if (transport === 'stdio') {
    // servers of some older libraries end at a request before `initialize`
    if (hasEnded) return 'legacy'
    // a newer server that starts slowly was taken for an older one
    return isRefusal(thrown) ? { pin: newestRevision } : undefined
  }
  // some older servers fail at a request that they do not know
  const isProbe = thrown instanceof Error && 'code' in thrown && thrown.code === notFound
  return isProbe && (httpStatus(thrown) ?? 0) >= 500 ? 'legacy' : undefined
}
