import { NodeWebSocket } from 'socket.io-client'
import { badResponse, tooLarge } from './socketio-errors.ts'

/** Limit for one frame: reliability, item 39. */
const maxFrameBytes = 8 * 1024 * 1024

/** The library's transport with limits, because the library trusts a server too much. */
export class GuardedWebSocket extends NodeWebSocket {
  /** Turns compression off, so that a small frame cannot expand to a large one (reliability, item 39). */
  override createSocket(...[uri, protocols, options]: Parameters<NodeWebSocket['createSocket']>): unknown {
    return super.createSocket(uri, protocols, { ...options, perMessageDeflate: false })
  }

  /** Catches errors that the library throws here, for example at an opening packet that is not JSON; they would end the program. */
  protected override onData(data: unknown): void {
    const size = typeof data === 'string' ? Buffer.byteLength(data) : Buffer.isBuffer(data) ? data.length : 0
    if (size > maxFrameBytes) {
      this.onError('too large', tooLarge())
      return
    }
    try {
      super.onData(data)
    } catch {
      this.onError('no packet', badResponse())
    }
  }

  /** Sends a close frame and does not wait for an answer: Bun waits five seconds for a peer that is gone. */
  override doClose(): void {
    const socket = this.ws
    super.doClose()
    socket?.terminate()
  }
}
