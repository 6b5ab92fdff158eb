import { openServer, type Server } from './api/server.ts'
import type { Logger } from './chat/call.ts'
import type { Config } from './config.ts'
import { maxFetches } from './fetch-limit.ts'
import { openGateway } from './gateway/gateway.ts'
import type { Store } from './state/store.ts'
import { version } from './version.ts'
import { assumeProxy } from './wire/can-connect.ts'

/** Fetches kept free for what is no chat, such as lists of models. */
const spareFetches = 192
/** Seconds a connection may be idle between requests or while its head comes. */
const idleSeconds = 30

/** The whole program, listening. */
export interface App {
  readonly url: string
  readonly server: Server
  close(): Promise<void>
}

/** Puts the rooms together. The store is closed with it. @throws when the address cannot be bound */
export function openApp(config: Config, log: Logger, store: Store): App {
  if (config.isProxied) assumeProxy()
  const gateway = openGateway({
    upstreams: config.upstreams,
    panels: config.panels,
    deadlines: config.deadlines,
    store,
    threadTtlMs: config.sessionTtlMs,
    maxCalls: maxFetches - spareFetches,
    log,
  })
  const { host: hostname, port, keys, policy, maxBodyBytes, keepAliveMs } = config
  const server = openServer({
    hostname,
    port,
    keys,
    policy,
    maxBodyBytes,
    keepAliveMs,
    idleSeconds,
    gateway,
    log,
    version,
  })
  return {
    url: server.url,
    server,
    async close() {
      await server.stop(config.shutdownGraceMs)
      gateway.close()
      await store.close()
    },
  }
}
