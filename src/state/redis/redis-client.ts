import { Redis } from 'ioredis'
import type { RedisServer } from './redis-server.ts'

/** Milliseconds between two attempts to connect. */
const retryMs = { first: 50, last: 1_000 } as const
const connectMs = 2_000
/** A connection that was silent this long while a reply was due is closed, and made anew. Milliseconds. */
const silentMs = 5_000

/**
 * A connection that comes back by itself. Nothing is queued while it is away, and nothing is sent twice: after a lost connection nobody
 * knows whether Redis did the work.
 */
export function createClient({ address, user, password, database, prefix }: RedisServer): Redis {
  return new Redis({
    ...('path' in address
      ? { path: address.path }
      : { host: address.host, port: address.port, ...(address.isTls && { tls: { servername: address.host } }) }),
    ...(user !== undefined && { username: user }),
    ...(password && { password: password.reveal() }),
    db: database,
    connectionName: connectionName(prefix),
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    // a server that is loading its data says so to each command
    enableReadyCheck: false,
    disableClientInfo: true,
    // RESP2 is understood by every server, also old ones
    protocol: 2,
    connectTimeout: connectMs,
    socketTimeout: silentMs,
    keepAlive: 10_000,
    retryStrategy: (attempt) => Math.min(retryMs.first * 2 ** Math.min(attempt, 10), retryMs.last),
  })
}

/** What `CLIENT LIST` shows. It may have no spaces. */
function connectionName(prefix: string): string {
  return `tributary-${prefix.replaceAll(/[^\x21-\x7e]/g, '_')}`
}
