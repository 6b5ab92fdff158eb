import { asChatError } from '../chat/error.ts'
import type { Config } from '../config/config.ts'
import { CancelSource } from '../flow/cancel.ts'
import type { Runtime } from '../flow/runtime.ts'
import { send } from '../wire/http.ts'

/** Asks the running server of this configuration for its health. */
export async function health(config: Config, runtime: Runtime): Promise<number> {
  const status = await healthStatus(config, runtime)
  if (status === 200) return 0
  process.stderr.write(
    typeof status !== 'number'
      ? `No server answers at ${urlOf(config)}.\n`
      : `The server answered with HTTP ${status}.\n`,
  )
  return 1
}

/** Whether a server of this configuration is running. A server that is too busy to answer counts as running. */
export async function isServing(config: Config, runtime: Runtime): Promise<boolean> {
  return (await healthStatus(config, runtime)) !== 'no server'
}

/** The status of the server's answer; undefined if it does not answer. */
async function healthStatus(config: Config, runtime: Runtime): Promise<number | 'no server' | undefined> {
  const request = {
    method: 'GET',
    url: `${urlOf(config)}/health`,
    headers: {},
    isOwn: true,
    limits: { connectMs: 2_000, headMs: 3_000 },
  } as const
  try {
    const reply = await send(request, new CancelSource(runtime))
    reply.discard()
    return reply.status
  } catch (thrown) {
    return asChatError(thrown).code === 'upstream_unreachable' ? 'no server' : undefined
  }
}

/** The URL of the server as seen from this machine. */
export function urlOf({ host, port }: Config): string {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
  return `http://${address}:${port}`
}
