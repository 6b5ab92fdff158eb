import type { ChatError } from '../../chat/error.ts'
import { Attempts } from '../../flow/attempts.ts'
import { type Call, newReceipt } from '../../flow/call.ts'
import { CancelSource, NativeCancel } from '../../flow/cancel.ts'
import type { CallSpan, Tracer } from '../../flow/span.ts'
import { clientLeft } from './client-left.ts'
import type { Exchange } from './exchange.ts'
import { hopsOf } from './hops.ts'
import { sessionOf } from './session.ts'
import { shuttingDown } from './shutting-down.ts'

/** A call, and how to end it. */
export interface OpenCall {
  readonly call: Call
  abort(reason: ChatError): void
  /** Notes that its answer is a stream, which is open until the call is closed. */
  noteStream(): void
  /** Removes it from the running calls. */
  close(): void
}

/** The running calls, so that a shutdown can end those that take too long. */
export class Calls {
  readonly #open = new Set<OpenCall>()
  #detached = 0
  #streams = 0
  readonly #idleSeconds: number
  readonly #tracer: Tracer | undefined

  /** @param idleSeconds how long a connection may be silent while no call runs on it */
  constructor(idleSeconds: number, tracer?: Tracer) {
    this.#idleSeconds = idleSeconds
    this.#tracer = tracer
  }

  get count(): number {
    return this.#open.size
  }

  /** How many streamed answers are open. */
  get streams(): number {
    return this.#streams
  }

  /** How many calls have no client that waits. */
  get detached(): number {
    return this.#detached
  }

  /**
   * Opens a call that ends when its client leaves. Until it is closed, only its own deadlines apply, because a thinking
   * model may be silent for longer than an idle connection.
   * @throws ChatError `invalid-request` `too_many_hops`
   */
  open(exchange: Exchange): OpenCall {
    if (this.#tracer) exchange.trace(beginSpan(this.#tracer, exchange))
    const { request, runtime, id, caller, surface, log, span } = exchange
    const { headers } = request
    const hops = hopsOf(headers)
    const session = () => sessionOf(headers)
    const signal = new NativeCancel(runtime, request.signal, clientLeft)
    if (span) signal.span = span
    const receipt = newReceipt()
    exchange.receipt = receipt
    exchange.limitSilence(0)
    let isStream = false
    const opened: OpenCall = {
      call: { id, caller, hops, surface, session, log, signal, attempts: new Attempts(), receipt },
      abort: (reason) => signal.abort(reason),
      noteStream: () => {
        if (!isStream) this.#streams++
        isStream = true
      },
      close: () => {
        signal.release()
        exchange.limitSilence(this.#idleSeconds)
        if (!this.#open.delete(opened)) return
        if (isStream) this.#streams--
        span?.end()
      },
    }
    this.#open.add(opened)
    return opened
  }

  /** Opens a call that goes on without a client. */
  detach(exchange: Exchange): OpenCall {
    const { runtime, id, caller, surface, log, request } = exchange
    const { headers } = request
    const signal = new CancelSource(runtime)
    const span = this.#tracer && beginSpan(this.#tracer, exchange)
    if (span) signal.span = span
    const opened: OpenCall = {
      call: {
        ...{ id, caller, surface, log, signal },
        hops: hopsOf(headers),
        session: () => sessionOf(headers),
        attempts: new Attempts(),
        receipt: newReceipt(),
      },
      abort: (reason) => signal.abort(reason),
      // nobody reads it
      noteStream: () => undefined,
      close: () => {
        if (!this.#open.delete(opened)) return
        this.#detached--
        span?.end()
      },
    }
    this.#open.add(opened)
    this.#detached++
    return opened
  }

  /** Ends every running call. A streamed answer gets an error as its last event. */
  abortAll(): void {
    for (const { abort } of this.#open) abort(shuttingDown())
  }
}

/** Begins the span of a request. The span of the request itself is the parent of one that goes on without its client. */
function beginSpan(tracer: Tracer, exchange: Exchange): CallSpan | undefined {
  const { id, route, surface, caller, request, span } = exchange
  const { method, headers } = request
  return tracer.begin({ id, method, route, surface, key: caller.name, headers, parent: span })
}
