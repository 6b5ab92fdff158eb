/** Bytes as they arrive. Stopping early frees the connection. */
export type ByteSource = AsyncIterable<Uint8Array>

/** Milliseconds, each over 0. A limit that is absent has its default or is not applied: the deadline layer counts events, not bytes. */
export interface HttpLimits {
  /** Until the server's TCP port answers; 5,000. */
  readonly connectMs?: number
  /** Until the reply's head. */
  readonly headMs?: number
  /** Between two reads of the body. */
  readonly idleMs?: number
  /** Bytes of the body after decompression; 64 MiB. */
  readonly maxBytes?: number
}

/** A reply whose body must be read to its end or `discard`ed. */
export interface HttpReply {
  readonly status: number
  readonly headers: Headers
  /** When its head came, in milliseconds since 1970. */
  readonly receivedAt: number
  readonly body: ByteSource
  /** Reads the whole body. @throws ChatError `upstream-outdated` over `limit` bytes; 16 MiB by default */
  bytes(limit?: number): Promise<Uint8Array>
  /** The same as text. */
  text(limit?: number): Promise<string>
  /** From now on, more than `ms` milliseconds of silence between two reads is a timeout. */
  limitIdle(ms: number): void
  discard(): void
}
