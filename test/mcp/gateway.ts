import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { RawVariables } from '../../src/config/spelled-values.ts'
import { emulateOpenai, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import { mcpServers, stdio } from '../chaos/chat-server-rig.ts'
import { type RunningGateway, startGateway } from '../chaos/gateway.ts'
import { type ModernHttp, startModernHttp } from '../tools/modern-http.ts'

/** A gateway with an upstream, a tool server of each era, and two keys. */
export interface McpRig extends AsyncDisposable {
  readonly gateway: RunningGateway
  readonly upstream: OpenaiEmulator
  readonly modern: ModernHttp
  readonly url: string
}

export const key = 'key-of-the-test'

export async function startMcpRig(variables: RawVariables = {}): Promise<McpRig> {
  const upstream = await emulateOpenai({ models: ['m', 'n', 'text-embedding-small'] })
  const modern = startModernHttp('new')
  const gateway = startGateway({
    API_MASTER_KEY: key,
    UPSTREAM_LAB_URL: upstream.url,
    ...mcpServers({ old: stdio('stdio'), new: { url: modern.config.url.reveal() } }),
    ...variables,
  })
  return {
    gateway,
    upstream,
    modern,
    url: `${gateway.url}/mcp`,
    async [Symbol.asyncDispose]() {
      await gateway.close()
      await modern[Symbol.asyncDispose]()
      await upstream.close()
    },
  }
}

/** The eras of the official client: how it asks a server, and the revision that it then speaks. */
export const eras = {
  '2026-07-28': { mode: { pin: '2026-07-28' } },
  '2025-11-25': { mode: 'legacy' },
} as const
export type Era = keyof typeof eras

/** Connects the official client. */
export async function connectClient(url: string, era: Era): Promise<Client & AsyncDisposable> {
  const client = new Client({ name: 'a-client', version: '1' }, { versionNegotiation: eras[era] })
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { authorization: `Bearer ${key}` } } }),
  )
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() })
}
