import type { Socket } from 'node:net'
import { ChatError } from '../chat/error.ts'
import { boundReceived } from './receive-buffer.ts'

/** Receives the events of a socket. */
export interface SocketEvents {
  bytes(bytes: Buffer): void
  /** Called once. @param cause undefined if the peer closed properly */
  closed(cause: unknown): void
}

/** The members of Bun's own socket that are used here. */
interface NativeSocket {
  readonly fd?: unknown
  data: unknown
  /** @returns how many bytes were accepted; below 0 if the socket is closed */
  write(bytes: Uint8Array): number
  pause(): void
  resume(): void
  ref(): void
  unref(): void
  terminate(): void
  reload(options: { readonly socket: NativeHandlers }): void
}

/** Typed as methods, so that a handler may declare fewer parameters. */
interface NativeHandlers {
  data(socket: NativeSocket, bytes: Buffer): void
  drain(socket: NativeSocket): void
  end(socket: NativeSocket): void
  error(socket: NativeSocket, error: unknown): void
  close(socket: NativeSocket, error?: unknown): void
}

/**
 * A connected socket without Node's streams, which cost more than the rest of a request here. Node's socket connects,
 * because a connection attempt of Bun's own socket cannot be cancelled; then our handlers replace Node's
 * (docs/decisions/0023-own-http-client.md).
 */
export class RawSocket {
  readonly #native: NativeSocket
  #events: SocketEvents | undefined
  /** Bytes that the system has not accepted yet. */
  #unsent: Uint8Array[] = []
  #isClosed = false

  /** @param socket connected; nothing has been read from it */
  constructor(socket: Socket) {
    this.#native = nativeOf(socket)
    this.#native.data = this
    if (typeof this.#native.fd === 'number') boundReceived(this.#native.fd)
    this.#native.reload({ socket: handlers })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether the system has accepted everything that was written. */
  get isFlushed(): boolean {
    return this.#unsent.length === 0
  }

  /** Sets the receiver of all further events. */
  listen(events: SocketEvents): void {
    this.#events = events
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosed) return
    if (this.#unsent.length > 0) this.#unsent.push(bytes)
    else this.#offer(bytes)
  }

  pause(): void {
    if (!this.#isClosed) this.#native.pause()
  }

  resume(): void {
    if (!this.#isClosed) this.#native.resume()
  }

  /** Marks the connection as idle: it no longer keeps the process running. */
  rest(): void {
    this.#native.unref()
  }

  wake(): void {
    this.#native.ref()
  }

  /** Closes at once. No more events follow. */
  destroy(): void {
    this.#events = undefined
    if (!this.#isClosed) this.#native.terminate()
    this.#isClosed = true
  }

  onBytes(bytes: Buffer): void {
    this.#events?.bytes(bytes)
  }

  onDrain(): void {
    const waiting = this.#unsent
    this.#unsent = []
    for (const bytes of waiting) this.write(bytes)
  }

  onClosed(cause: unknown): void {
    const events = this.#events
    this.destroy()
    events?.closed(cause)
  }

  #offer(bytes: Uint8Array): void {
    const taken = Math.max(0, this.#native.write(bytes))
    if (taken < bytes.length) this.#unsent.push(bytes.subarray(taken))
  }
}

/** All sockets share these. */
const handlers: NativeHandlers = {
  data: ({ data }, bytes) => data instanceof RawSocket && data.onBytes(bytes),
  drain: ({ data }) => data instanceof RawSocket && data.onDrain(),
  end: ({ data }) => data instanceof RawSocket && data.onClosed(undefined),
  error: ({ data }, error) => data instanceof RawSocket && data.onClosed(error),
  close: ({ data }, error) => data instanceof RawSocket && data.onClosed(error),
}

function nativeOf(socket: Socket): NativeSocket {
  const handle: unknown = '_handle' in socket ? socket._handle : undefined
  if (isNative(handle)) return handle
  throw new ChatError('internal', { message: "This version of Bun hides its sockets' handles." })
}

function isNative(handle: unknown): handle is NativeSocket {
  return typeof handle === 'object' && handle !== null && 'reload' in handle && 'terminate' in handle
}
