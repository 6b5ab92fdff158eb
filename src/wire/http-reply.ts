import type { ReplyHeaders } from './reply-headers.ts'

/** Bytes as they arrive. Stopping early frees the connection. */
export type ByteSource = AsyncIterable<Uint8Array>

/**
 * Limits of one exchange, each over 0. Times are in milliseconds. An absent limit has the default that is named here,
 * or does not apply. The deadline layer has its own limits, for the time between events.
 */
export interface HttpLimits {
  /** For the look-up of the name, TCP and TLS together; 5,000. */
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
  readonly headers: ReplyHeaders
  /** When its head came, in milliseconds since 1970. */
  readonly receivedAt: number
  readonly body: ByteSource
  /** The bytes of the whole body, if they came with the head of a usual reply, which does not have `cf-mitigated`. */
  readonly whole?: Uint8Array | undefined
  /** Reads the whole body. @throws ChatError `upstream-outdated` over `limit` bytes; 16 MiB by default */
  bytes(limit?: number): Promise<Uint8Array>
  /** Reads the whole body as text. @throws as `bytes` */
  text(limit?: number): Promise<string>
  /** From now on, more than `ms` milliseconds of silence between two reads is a timeout. */
  limitIdle(ms: number): void
  discard(): void
}
