import type { Fields } from '../chat/message.ts'

/** Whether a client has put a key of its own into a body, as some gateways ask for. */
export function hasClientKey(body: Fields): boolean {
  return 'api_key' in body
}

/** Removes that key. The gateway asks with its own, and no upstream may see a client's. */
export function withoutClientKey(body: Fields): Fields {
  if (!hasClientKey(body)) return body
  const { api_key: _, ...others } = body
  return others
}
