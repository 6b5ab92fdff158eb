import type { Caller } from '../../chat/caller.ts'
import { ChatError } from '../../chat/error.ts'
import type { Exchange } from '../exchange/exchange.ts'
import { isFromForeignPage } from './cross-site.ts'

const ownNames = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i

/**
 * Whether the request comes from a program on this machine, or from our own page. Its `Host` and its address are those of
 * loopback, and it has no headers of a proxy. `CORS_ORIGINS` lets a page chat, but does not make it an admin. If no keys
 * are set, such a program has the role of an admin.
 */
export function isOwnMachine({ request: { headers }, address }: Exchange): boolean {
  if (['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'].some((name) => headers.has(name))) return false
  const host = headers.get('host') ?? ''
  return /^(127\.\d+\.\d+\.\d+|::1)$/.test(address) && ownNames.test(host) && !isFromForeignPage(headers, host)
}

/** @throws ChatError `forbidden`, unless the caller is an admin */
export function refuseClients({ role }: Caller, hasKeys: boolean): void {
  if (role === 'admin') return
  if (hasKeys)
    throw new ChatError('forbidden', { message: 'This path needs the key of an admin.', code: 'admin_key_required' })
  throw new ChatError('forbidden', {
    message: 'Without an API key this path answers the programs of its own machine only. Set API_MASTER_KEY.',
    code: 'admin_local_only',
  })
}
