import type { Socket } from 'node:net'
import { ChatError } from '../chat/error.ts'
import type { ByteSocket, SocketEvents } from '../flow/network.ts'
import { boundReceived } from './receive-buffer.ts'

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
  /** Closes with FIN. */
  close(): void
  /** Closes with RST. */
  terminate(): void
  reload(options: { readonly socket: NativeHandlers }): void
}

/** The events of Bun's own socket that are used here. */
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
export class RawSocket implements ByteSocket {
  readonly #native: NativeSocket
  #events: SocketEvents | undefined
  /** Bytes that the system has not accepted yet. */
  #unsent: Uint8Array[] = []
  #unsentBytes = 0
  /** Bytes that came before there was a receiver. */
  readonly #early: Buffer[] = []
  #earlyEnd: { readonly cause: unknown } | undefined
  #isClosed = false

  /** @param socket connected; nothing has been read from it */
  constructor(socket: Socket) {
    this.#native = nativeOf(socket)
    this.#native.data = this
    if (typeof this.#native.fd === 'number') boundReceived(this.#native.fd)
    this.#native.reload({ socket: handlers })
    // Node's socket is not needed any more, and its state is larger than everything else that an open connection needs
    for (const owner of Object.getOwnPropertySymbols(this.#native)) Reflect.deleteProperty(this.#native, owner)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get unsentBytes(): number {
    return this.#unsentBytes
  }

  attach(events: SocketEvents): void {
    this.#events = events
    if (this.#early.length > 0) for (const bytes of this.#early.splice(0)) this.onBytes(bytes)
    const end = this.#earlyEnd
    if (!end) return
    this.#forget()
    events.closed(end.cause)
  }

  write(bytes: Uint8Array): void {
    if (this.#isClosed) return
    const taken = this.#unsent.length > 0 ? 0 : Math.max(0, this.#native.write(bytes))
    if (taken === bytes.length) return
    const rest = bytes.subarray(taken)
    this.#unsent.push(rest)
    this.#unsentBytes += rest.length
  }

  pause(): void {
    if (!this.#isClosed) this.#native.pause()
  }

  resume(): void {
    if (!this.#isClosed) this.#native.resume()
  }

  keepProcess(keeps: boolean): void {
    if (keeps) this.#native.ref()
    else this.#native.unref()
  }

  end(): void {
    this.#forget()
    if (!this.#isClosed) this.#native.close()
    this.#isClosed = true
  }

  /** Closes the connection with a reset. */
  destroy(): void {
    this.#forget()
    if (!this.#isClosed) this.#native.terminate()
    this.#isClosed = true
  }

  onBytes(bytes: Buffer): void {
    if (this.#events) this.#events.bytes(bytes)
    else if (!this.#isClosed) this.#early.push(bytes)
  }

  onDrain(): void {
    const waiting = this.#unsent
    this.#unsent = []
    this.#unsentBytes = 0
    for (const bytes of waiting) this.write(bytes)
  }

  onClosed(cause: unknown): void {
    if (this.#isClosed) return
    const events = this.#events
    if (!events) this.#earlyEnd = { cause }
    this.#events = undefined
    this.#native.terminate()
    this.#isClosed = true
    events?.closed(cause)
  }

  #forget(): void {
    this.#events = undefined
    this.#early.length = 0
    this.#earlyEnd = undefined
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
