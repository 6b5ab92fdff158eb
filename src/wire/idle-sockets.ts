import type { ByteSocket, IdleSockets, SocketEvents } from '../flow/network.ts'
import type { Runtime } from '../flow/runtime.ts'
import type { Timer } from '../flow/timers.ts'

/** Limits for idle connections, to one origin and to all. */
const maxPerOrigin = 64
const maxIdle = 512
/** Milliseconds for which a connection is kept for the next request. */
const idleMs = 15_000
/** Milliseconds. A connection is no longer used for so long before the server's own limit. */
const marginMs = 1_000

class IdleSocket implements SocketEvents {
  readonly socket: ByteSocket
  readonly until: number

  constructor(socket: ByteSocket, until: number) {
    this.socket = socket
    this.until = until
  }

  /** Bytes that arrive without a request would be read as the next reply. */
  bytes(): void {
    this.socket.destroy()
  }

  closed(): void {
    // the next look at the list finds it closed
  }
}

/** Idle connections by origin. The connection that became idle last is the last of its list. */
export class SocketPool implements IdleSockets {
  readonly #runtime: Pick<Runtime, 'elapsed' | 'timers'>
  readonly #idle = new Map<string, IdleSocket[]>()
  #size = 0
  #timer: Timer | undefined

  constructor(runtime: Pick<Runtime, 'elapsed' | 'timers'>) {
    this.#runtime = runtime
  }

  /** Takes the connection that was used last, so that surplus connections become old and are closed. */
  take(key: string): ByteSocket | undefined {
    const list = this.#idle.get(key)
    const now = this.#runtime.elapsed()
    for (let last = list?.pop(); last; last = list?.pop()) {
      this.#size--
      if (!last.socket.isClosed && last.until > now) {
        last.socket.keepProcess(true)
        return last.socket
      }
      last.socket.destroy()
    }
    return undefined
  }

  put(key: string, socket: ByteSocket, peerMs = idleMs): void {
    const keepMs = Math.min(idleMs, peerMs - marginMs)
    const list = this.#idle.get(key) ?? []
    // a server that answers before it has the whole request may read the rest of it as the next one
    const isUnfit = socket.isClosed || socket.unsentBytes > 0
    if (isUnfit || keepMs <= 0 || list.length >= maxPerOrigin || this.#size >= maxIdle) {
      socket.destroy()
      return
    }
    const idle = new IdleSocket(socket, this.#runtime.elapsed() + keepMs)
    socket.attach(idle)
    socket.keepProcess(false)
    list.push(idle)
    this.#idle.set(key, list)
    this.#size++
    this.#timer ??= this.#sweepLater()
  }

  drop(key: string): void {
    const list = this.#idle.get(key) ?? []
    this.#idle.delete(key)
    this.#size -= list.length
    for (const { socket } of list) socket.destroy()
  }

  #sweepLater(): Timer {
    return this.#runtime.timers.set(idleMs / 3, () => this.#sweep(), { isBackground: true })
  }

  #sweep(): void {
    const now = this.#runtime.elapsed()
    for (const [key, list] of this.#idle) {
      const kept = list.filter(({ socket, until }) => !socket.isClosed && until > now)
      for (const idle of list) if (!kept.includes(idle)) idle.socket.destroy()
      this.#size -= list.length - kept.length
      if (kept.length > 0) this.#idle.set(key, kept)
      else this.#idle.delete(key)
    }
    this.#timer = this.#size === 0 ? undefined : this.#sweepLater()
  }
}
