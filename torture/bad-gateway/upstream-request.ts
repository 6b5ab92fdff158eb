import type { Head } from '../http/message-reader.ts'
import { pathOf, type Surface } from '../talk/surface.ts'
import type { Json } from '../talk/talk.ts'
import { credentialOf } from './door.ts'
import type { Fault } from './fault.ts'

export interface RelayRequest {
  readonly head: Head
  readonly surface: Surface
  readonly body: Json
  readonly cors: Readonly<Record<string, string>>
}

/** The key with which the bad gateway asks the upstream. */
export const upstreamKey = 'sk-test-upstream-0123456789'

/** Writes a request to the upstream, with what the fault changes. */
export function upstreamRequest(
  { head, surface, body }: RelayRequest,
  { fault, upstreamPort }: { readonly fault: Fault; readonly upstreamPort: number },
): Buffer {
  const { forwardsFields, forwardsKey } = fault.switches ?? {}
  const { api_key: _, ...members } = body
  const asked = fault.request?.(structuredClone(members), surface) ?? members
  const text = Buffer.from(JSON.stringify(forwardsFields ? body : asked))
  const all = {
    ...(forwardsFields && Object.fromEntries(head.fields)),
    host: `127.0.0.1:${upstreamPort}`,
    'content-type': 'application/json',
    'content-length': String(text.length),
    ...(forwardsKey && { 'x-client-key': credentialOf(head) }),
    ...(surface === 'messages' ? { 'x-api-key': upstreamKey } : { authorization: `Bearer ${upstreamKey}` }),
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`POST ${pathOf[surface]} HTTP/1.1\r\n${lines.join('')}\r\n`), text])
}
