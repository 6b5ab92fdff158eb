import type { HttpConnection } from './http-connection.ts'

/** Limits for idle connections, to one origin and to all. */
const maxPerOrigin = 64
const maxIdle = 512
/** Milliseconds for which a connection is kept for the next request. */
const idleMs = 15_000
/** Milliseconds before the server's own limit at which a connection is no longer used. */
const marginMs = 1_000

interface IdleConnection {
  readonly connection: HttpConnection
  readonly until: number
}

/** Idle connections, kept for the next request to the same origin. They do not keep the process running. */
export class ConnectionPool {
  /** By origin; the connection that became idle last is the last of its list. */
  readonly #idle = new Map<string, IdleConnection[]>()
  #size = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Takes the connection that was used last, so that surplus connections become old and are closed. */
  take(key: string): HttpConnection | undefined {
    const list = this.#idle.get(key)
    const now = performance.now()
    for (let last = list?.pop(); last; last = list?.pop()) {
      this.#size--
      if (!last.connection.isClosed && last.until > now) return last.connection
      last.connection.close()
    }
    return undefined
  }

  put(key: string, connection: HttpConnection): void {
    const keepMs = Math.min(idleMs, (connection.keepAliveMs ?? idleMs) - marginMs)
    const list = this.#idle.get(key) ?? []
    if (keepMs <= 0 || list.length >= maxPerOrigin || this.#size >= maxIdle) {
      connection.close()
      return
    }
    list.push({ connection, until: performance.now() + keepMs })
    this.#idle.set(key, list)
    this.#size++
    this.#timer ??= setTimeout(() => this.#sweep(), idleMs / 3)
    this.#timer.unref()
  }

  /** Closes all idle connections. */
  close(): void {
    for (const { connection } of [...this.#idle.values()].flat()) connection.close()
    this.#idle.clear()
    this.#size = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #sweep(): void {
    this.#timer = undefined
    const now = performance.now()
    for (const [key, list] of this.#idle) {
      const kept = list.filter(({ connection, until }) => !connection.isClosed && until > now)
      for (const idle of list) if (!kept.includes(idle)) idle.connection.close()
      this.#size -= list.length - kept.length
      if (kept.length > 0) this.#idle.set(key, kept)
      else this.#idle.delete(key)
    }
    if (this.#size === 0) return
    this.#timer = setTimeout(() => this.#sweep(), idleMs / 3)
    this.#timer.unref()
  }
}
