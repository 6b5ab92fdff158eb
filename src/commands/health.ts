import type { Config } from '../config.ts'
import { send } from '../wire/http.ts'

/** Asks the server that this configuration would start. */
export async function health({ host, port }: Config): Promise<number> {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
  const limits = { connectMs: 2_000, headMs: 3_000 }
  try {
    const reply = await send(
      { method: 'GET', url: `http://${address}:${port}/health`, headers: {}, limits },
      new AbortController().signal,
    )
    reply.discard()
    if (reply.status === 200) return 0
    process.stderr.write(`The server answered with HTTP ${reply.status}.\n`)
  } catch {
    process.stderr.write(`Nothing answers at http://${address}:${port}.\n`)
  }
  return 1
}
