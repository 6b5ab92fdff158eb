import type { ChatRequest } from '../../src/chat/request.ts'
import type { Batch } from '../../src/flow/flow.ts'
import type { Upstream } from '../../src/providers/provider.ts'

/** How the wire marks the end of a reply: with chunks, with a length in the head, or by closing the connection. */
export type Framing = 'chunked' | 'length' | 'close'

/** How an emulator cuts a reply. */
export const cuts = ['rst', 'fin', 'stall'] as const
export type Cut = (typeof cuts)[number]

/** The bytes that an upstream answers with. */
export interface Reply {
  readonly fixture: Fixture
  readonly framing: Framing
  /** Number of bytes of the fixture that are sent. The default is all of them. */
  readonly sent?: number
  /** Offsets at which the bytes are split into separate writes. */
  readonly splits?: readonly number[]
  /** How the reply ends after these bytes. The default is a proper end. */
  readonly ending?: Cut | 'end'
  /** Milliseconds between the last byte and the ending, so that the ending does not overtake it. */
  readonly endDelayMs?: number
}

/** A reply of the recorded shape, with invented content. */
export interface Fixture {
  readonly name: string
  readonly bytes: Uint8Array
  /** Number of choices that it has. */
  readonly choices: number
  /** Whether the request asks for a stream. */
  readonly stream: boolean
  /**
   * The upstream's own end marker. With fewer bytes than `from` the reply is cut, with `to` or more it has ended. Between the
   * two both results are right. Both are infinite if bytes alone do not end the reply.
   */
  endMarker(framing: Framing, cut: Cut): { readonly from: number; readonly to: number }
}

/** Bytes of a reply in memory, and whether they end because the connection breaks. */
export interface BytesInMemory {
  readonly fixture: Fixture
  readonly pieces: readonly Uint8Array[]
  readonly isBroken: boolean
}

/** A running emulator with an upstream that asks it. A rig without a wire has no fixtures, so only the laws of events apply. */
export interface Rig {
  readonly upstream: Upstream
  /** Texts that must appear nowhere. */
  readonly secrets: readonly string[]
  readonly fixtures: readonly Fixture[]
  readonly framings: readonly Framing[]
  /** Decodes bytes as the upstream does, without a socket. @throws the error that the upstream throws for them */
  decode(bytes: BytesInMemory): AsyncIterable<Batch>
  /** Makes a request that gets this reply, or any answer by default. `silent` gets no answer, not even a head. */
  request(reply?: Reply | 'silent'): ChatRequest
  /** Makes requests to which the upstream reveals its secrets, each in another way. */
  leaks(): readonly ChatRequest[]
  /** Makes a request with an endless answer, and a function that counts the bytes that the upstream has written so far. */
  flood?(): { readonly request: ChatRequest; readonly written: () => number }
  openConnections(): number
  /** Counts the chat requests that have arrived. */
  arrived(): number
  close(): Promise<void>
}

/** An upstream that the laws are tested with. */
export interface Subject {
  readonly name: string
  start(): Promise<Rig>
}
