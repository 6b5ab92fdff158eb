import { getRequest } from './chat-request.ts'
import type { Child } from './child.ts'
import { Connection } from './connection.ts'
import type { ProxyServer, ProxySettings } from './proxies.ts'

/** Starts a proxy. `tookMs` is the time from spawning its process to the first answer. */
export async function timedStart(
  proxy: ProxyServer,
  mock: Child,
  settings: ProxySettings,
): Promise<{ readonly child: Child; readonly tookMs: number }> {
  const startedAtMs = performance.now()
  const child = await proxy.start(mock, settings)
  const connection = await Connection.open(child.port)
  await connection.request(getRequest(proxy.healthPath))
  const tookMs = performance.now() - startedAtMs
  connection.close()
  return { child, tookMs }
}
