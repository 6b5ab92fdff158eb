import type { StreamEvent } from '../http/events.ts'
import type { Surface } from '../talk/surface.ts'
import type { Json } from '../talk/talk.ts'

/** What a gateway may do wrong as a whole. */
export interface Switches {
  /** It does not notice that its client has left. */
  readonly ignoresAbort?: true
  /** It sends an answer when all of it is there. */
  readonly buffers?: true
  /** It decodes each read of the network by itself. */
  readonly decodesEachRead?: true
  /** It ends a cut answer as a whole one. */
  readonly endsCuts?: true
  /** It reads on while its client does not. */
  readonly readsAhead?: true
  /** It lets everybody in. */
  readonly isOpen?: true
  /** It compares only as much of a key as is given. */
  readonly comparesBeginnings?: true
  /** It lets pages of all origins use the user's cookies. */
  readonly reflectsOrigin?: true
  /** It sends everything to the upstream that the client sent. */
  readonly forwardsFields?: true
  /** It sends all of the upstream's headers to the client. */
  readonly returnsFields?: true
  /** It shows the upstream's errors as they are. */
  readonly quotesErrors?: true
  /** It answers a request from memory if it had the same one before. */
  readonly caches?: true
  /** It waits before each answer. */
  readonly delayMs?: number
  /** The most bytes of a body. */
  readonly maxBody?: number
  /** The most bytes of an event. */
  readonly maxEvent?: number
  /** It takes any body for JSON, and fails where it is none. */
  readonly trustsBodies?: true
  /** It waits for bodies of any length. */
  readonly takesAnyLength?: true
  /** It takes no chunked bodies. */
  readonly needsLength?: true
  /** It closes its connections after each answer, without a word. */
  readonly dropsConnections?: true
  /** It closes a connection that is silent for so long. */
  readonly silenceMs?: number
  /** It stops all requests while one client does not read. */
  readonly blocksAll?: true
  /** It opens a connection for each request and never closes it. */
  readonly leaksConnections?: true
  /** It keeps so many bytes for each request. */
  readonly leaksBytes?: number
  /** It answers its errors as plain text. */
  readonly saysPlainErrors?: true
  /** It answers every failure with this status. */
  readonly failsWith?: number
  /** It does not pass on when to come back. */
  readonly dropsRetryAfter?: true
  /** It answers a refusal with an empty answer. */
  readonly hidesErrors?: true
  /** It asks the upstream twice. */
  readonly asksTwice?: true
  /** It does not come back after a failure. */
  readonly staysDown?: true
  /** It mixes answers that run at the same time. */
  readonly mixes?: true
  /** It says that a stream is plain text. */
  readonly saysPlainStream?: true
  /** It takes one event of each read of the network, and drops the others. */
  readonly takesOneOfEachRead?: true
  /** It ends events at LF LF, and reads only lines that begin with `data: `. */
  readonly splitsAtLf?: true
  /** It leaves calls that end with `stop` as they are. */
  readonly keepsStop?: true
  readonly countsCostWrongly?: true
  /** It fails at every second request, as with a connection that the upstream has closed. */
  readonly usesClosedConnections?: true
  readonly refusesPreflights?: true
  /** It sends the client's key to the upstream, beside its own. */
  readonly forwardsKey?: true
  /** It keeps copies of each body. */
  readonly leaksBodies?: true
  /** It answers all that it is asked with 200 and nothing. */
  readonly isDead?: true
}

/** A fault that is planted in the bad gateway. */
export interface Fault {
  readonly name: string
  /** The checks that it must turn red. */
  readonly turns: readonly string[]
  /** The surfaces for which it is a fault. The default is all of them. */
  readonly surfaces?: readonly Surface[]
  readonly switches?: Switches
  /** Memory and buffers are measured, so nothing else runs beside it, and the gateway has a process of its own. */
  readonly isMeasured?: true
  /** Changes a request on its way to the upstream. */
  readonly request?: (body: Json, surface: Surface) => Json
  /** Makes a function that changes each event of one answer on its way to the client. */
  readonly events?: (surface: Surface) => (event: StreamEvent) => readonly StreamEvent[]
  /** Changes an answer that is not streamed. */
  readonly whole?: (body: Json, surface: Surface) => Json
}
