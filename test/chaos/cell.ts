import type { Script } from '../../src/wire/emulator/script.ts'

/** What a client must see of a fault, whatever wire it strikes. Without a code the answer is good. */
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
  /** Requests that reach the upstream, of which there is one with one account. */
  readonly attempts: number
  readonly retryAfter?: string
}

/** A fault of an upstream that is asked by HTTP. */
export interface Cell extends Seen {
  readonly script: Script
}

export const helloWorld = 'Hello, world.'
export const helloWor = 'Hello, wor'

/** The answer in full; the answer that breaks off; the status instead of one. */
export const good = { status: 200, text: helloWorld, attempts: 1, stream: true } as const
export const broken = { status: 200, text: helloWor, attempts: 1, stream: true } as const
export const failed = { status: 502, text: '', attempts: 2, stream: true } as const

export const disconnected = { code: 'upstream_disconnected' } as const
export const bad = { code: 'upstream_bad_response' } as const
export const timedOut = { status: 504, code: 'upstream_timeout' } as const

export const both = [true, false] as const
export const surface = (stream: boolean) => (stream ? 'SSE' : 'JSON')

/** Time for what was sent to have been read before a reset overtakes it, in milliseconds. */
export const readMs = 150

export const jsonHeaders = { 'content-type': 'application/json' }
export const htmlHeaders = { 'content-type': 'text/html; charset=utf-8' }
