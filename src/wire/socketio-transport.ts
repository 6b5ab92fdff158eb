import { NodeWebSocket } from 'socket.io-client'
import { badResponse, tooLarge } from './socketio-errors.ts'

/** Of one frame: reliability, item 39. */
const maxFrameBytes = 8 * 1024 * 1024

/** The library's transport, which trusts a server too much. */
export class GuardedWebSocket extends NodeWebSocket {
  /** Without compression: a small frame stays small (reliability, item 39). */
  override createSocket(...[uri, protocols, options]: Parameters<NodeWebSocket['createSocket']>): unknown {
    return super.createSocket(uri, protocols, { ...options, perMessageDeflate: false })
  }

  /** What the library throws here would end the program: of an opening packet that is no JSON, for one. */
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

  /** Says goodbye, but does not wait for an answer: of a peer that is gone Bun awaits one for five seconds. */
  override doClose(): void {
    const socket = this.ws
    super.doClose()
    socket?.terminate()
  }
}
