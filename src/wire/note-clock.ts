import type { Runtime } from '../flow/runtime.ts'
import type { HttpReply } from './http-reply.ts'

/** Compares the `Date` of a reply with our clock. A reply of a cache may be old, and says so. RFC 9110, 6.6.1; RFC 9111, 5.1 */
export function noteClock(url: string, { headers, receivedAt }: HttpReply, runtime: Runtime): void {
  const host = URL.parse(url)?.host
  const at = Date.parse(headers.get('date') ?? '')
  if (host === undefined || Number.isNaN(at) || headers.has('age')) return
  const base = runtime.now() - runtime.elapsed()
  runtime.network.clocks.note(host, { offMs: receivedAt - at, base })
}
