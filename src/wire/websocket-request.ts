/** Milliseconds and bytes, each over 0. */
export interface WebSocketLimits {
  /** Until the handshake is answered; 5,000. */
  readonly connectMs?: number
  /** Between two of our pings, and until a pong; 15,000. A vanished peer is noticed after at most twice this time. */
  readonly pingMs?: number
  /** Limit for one message; 8 MiB. */
  readonly maxMessageBytes?: number
}

export interface WebSocketRequest {
  /** `ws:` or `wss:`; `http:` and `https:` mean the same. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly limits?: WebSocketLimits
}

/** An open WebSocket. It closes when its messages have been read to their end, or their reader stops early. */
export interface WebSocketConnection {
  /**
   * Text messages, for one reader. The caller must read them or call `close`.
   * @throws ChatError when the peer closes, with any code, or vanishes; the caller decides whether the answer was complete
   */
  readonly messages: AsyncIterable<string>
  send(text: string): void
  /** Closes at once; its messages end. */
  close(): void
}
