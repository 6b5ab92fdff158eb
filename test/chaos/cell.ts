import type { Script } from '../../src/wire/emulator/script.ts'

/** The result that a client must see for a fault, on any wire. Without a code the answer is good. */
export interface Seen {
  /** Unique; starts with the moment. */
  readonly name: string
  /** Whether the client asks for a stream. */
  readonly stream: boolean
  readonly status: number
  /** `error.code`, in the body of a status or as the last event of a stream. */
  readonly code?: string
  /** Text that reached the client. */
  readonly text: string
  /** Number of requests that reach the upstream. There is one upstream with one account. */
  readonly attempts: number
  readonly retryAfter?: string
}

/** A fault of an upstream that is asked by HTTP. */
export interface Cell extends Seen {
  readonly script: Script
}

export const helloWorld = 'Hello, world.'
export const helloWor = 'Hello, wor'

/** A whole answer, an answer that breaks off, or a status of failure. */
export const good = { status: 200, text: helloWorld, attempts: 1, stream: true } as const
export const broken = { status: 200, text: helloWor, attempts: 1, stream: true } as const
export const failed = { status: 502, text: '', attempts: 2, stream: true } as const

export const disconnected = { code: 'upstream_disconnected' } as const
export const bad = { code: 'upstream_bad_response' } as const
export const timedOut = { status: 504, code: 'upstream_timeout' } as const

export const both = [true, false] as const
export const surface = (stream: boolean) => (stream ? 'SSE' : 'JSON')

/** Milliseconds between the last byte and a reset, so that the bytes are read before it. */
export const readMs = 150

export const jsonHeaders = { 'content-type': 'application/json' }
export const htmlHeaders = { 'content-type': 'text/html; charset=utf-8' }
