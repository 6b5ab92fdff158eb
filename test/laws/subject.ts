import type { ChatRequest } from '../../src/chat/request.ts'
import type { Batch } from '../../src/flow/flow.ts'
import type { Upstream } from '../../src/providers/provider.ts'

/** How the wire tells a reply's end: by chunks, by a length given beforehand, or by closing the connection. */
export type Framing = 'chunked' | 'length' | 'close'

/** How an emulator leaves a reply it does not finish. */
export const cuts = ['rst', 'fin', 'stall'] as const
export type Cut = (typeof cuts)[number]

/** What an upstream answers with, to the byte. */
export interface Reply {
  readonly fixture: Fixture
  readonly framing: Framing
  /** Bytes of the fixture that are sent: all of them, unless said otherwise. */
  readonly sent?: number
  /** Where those are split into writes that arrive one by one. */
  readonly splits?: readonly number[]
  /** What happens after them: a proper end, unless said otherwise. */
  readonly ending?: Cut | 'end'
  /** Milliseconds between the last byte and the ending, so that the ending does not overtake it. */
  readonly endDelayMs?: number
}

/** A reply of the recorded shape, with invented content. */
export interface Fixture {
  readonly name: string
  readonly bytes: Uint8Array
  /** How many answers it holds. */
  readonly choices: number
  /** Whether it is asked for as a stream. */
  readonly stream: boolean
  /**
   * The upstream's own end marker: with fewer bytes than `from` the reply was cut, with `to` or more it has ended;
   * between the two either may be said. Both are infinite where bytes alone do not end it.
   */
  endMarker(framing: Framing, cut: Cut): { readonly from: number; readonly to: number }
}

/** Bytes of a reply that are in memory already, and how they end: by themselves, or because the connection breaks. */
export interface BytesInMemory {
  readonly fixture: Fixture
  readonly pieces: readonly Uint8Array[]
  readonly isBroken: boolean
}

/** A running emulator with an upstream that asks it. What has no wire has no fixtures, and only the laws of events apply. */
export interface Rig {
  readonly upstream: Upstream
  /** What must show nowhere. */
  readonly secrets: readonly string[]
  readonly fixtures: readonly Fixture[]
  readonly framings: readonly Framing[]
  /** Reads bytes as the upstream does, without a socket. @throws what the upstream throws for them */
  decode(bytes: BytesInMemory): AsyncIterable<Batch>
  /** A request that is answered with the reply, or with some answer. `silent`: with nothing at all, not even a head. */
  request(reply?: Reply | 'silent'): ChatRequest
  /** Requests to which the upstream answers with the secrets it was sent, each in another way. */
  betrayals(): readonly ChatRequest[]
  /** A request that is answered without end, and how many bytes the upstream has written of it so far. */
  flood?(): { readonly request: ChatRequest; readonly written: () => number }
  openConnections(): number
  /** Chat requests that have arrived. */
  arrived(): number
  close(): Promise<void>
}

/** What the laws are held against. */
export interface Subject {
  readonly name: string
  start(): Promise<Rig>
}
