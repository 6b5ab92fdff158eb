import type { Connection } from './http-connection.ts'

/** Idle connections that are kept of one origin, and of all. */
const maxPerOrigin = 64
const maxIdle = 512
/** Milliseconds that a connection is kept for the next request. */
const idleMs = 15_000
/** A server that closes after five seconds is asked nothing in the last of them. */
const marginMs = 1_000

interface IdleConnection {
  readonly connection: Connection
  readonly until: number
}

/** Connections that wait for another request to the same place. They do not keep the process running. */
export class ConnectionPool {
  /** By destination; what became idle last comes last. */
  readonly #idle = new Map<string, IdleConnection[]>()
  #size = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  /** The connection that was used last, so that those beyond the need grow old. */
  take(key: string): Connection | undefined {
    const list = this.#idle.get(key)
    const now = performance.now()
    for (let last = list?.pop(); last; last = list?.pop()) {
      this.#size--
      if (!last.connection.isClosed && last.until > now) return last.connection
      last.connection.close()
    }
    return undefined
  }

  put(key: string, connection: Connection): void {
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

  /** Closes what is idle. */
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
