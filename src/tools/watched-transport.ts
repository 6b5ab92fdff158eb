import type { JSONRPCMessage, Transport, TransportSendOptions } from '@modelcontextprotocol/client'

/**
 * A transport of the library that shows each message to us before the library gets it. The library replaces the
 * handlers of a transport while it finds out which revision the server speaks, so that a handler of ours would miss messages.
 */
export class WatchedTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly #inner: Transport

  constructor(inner: Transport, watch: (message: JSONRPCMessage) => void) {
    this.#inner = inner
    inner.onclose = () => this.onclose?.()
    inner.onerror = (error) => this.onerror?.(error)
    inner.onmessage = (message) => {
      watch(message)
      this.onmessage?.(message)
    }
  }

  get sessionId(): string | undefined {
    return this.#inner.sessionId
  }

  get hasPerRequestStream(): boolean {
    return this.#inner.hasPerRequestStream === true
  }

  start(): Promise<void> {
    return this.#inner.start()
  }

  send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    return this.#inner.send(message, options)
  }

  setProtocolVersion(version: string): void {
    this.#inner.setProtocolVersion?.(version)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}
