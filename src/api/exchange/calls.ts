import type { ChatError } from '../../chat/error.ts'
import { Attempts } from '../../flow/attempts.ts'
import { type Call, newReceipt } from '../../flow/call.ts'
import { CancelSource, NativeCancel } from '../../flow/cancel.ts'
import { clientLeft } from './client-left.ts'
import type { Exchange } from './exchange.ts'
import { hopsOf } from './hops.ts'
import { sessionOf } from './session.ts'
import { shuttingDown } from './shutting-down.ts'

/** A call, and how to end it. */
export interface OpenCall {
  readonly call: Call
  abort(reason: ChatError): void
  /** Removes it from the running calls. */
  close(): void
}

/** The running calls, so that a shutdown can end those that take too long. */
export class Calls {
  readonly #open = new Set<OpenCall>()
  #detached = 0
  readonly #idleSeconds: number

  /** @param idleSeconds how long a connection may be silent while no call runs on it */
  constructor(idleSeconds: number) {
    this.#idleSeconds = idleSeconds
  }

  get count(): number {
    return this.#open.size
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
    const { request, runtime, id, caller, surface, log } = exchange
    const { headers } = request
    const hops = hopsOf(headers)
    const session = () => sessionOf(headers)
    const signal = new NativeCancel(runtime, request.signal, clientLeft)
    const receipt = newReceipt()
    exchange.receipt = receipt
    exchange.limitSilence(0)
    const opened: OpenCall = {
      call: { id, caller, hops, surface, session, log, signal, attempts: new Attempts(), receipt },
      abort: (reason) => signal.abort(reason),
      close: () => {
        signal.release()
        exchange.limitSilence(this.#idleSeconds)
        this.#open.delete(opened)
      },
    }
    this.#open.add(opened)
    return opened
  }

  /** Opens a call that goes on without a client. */
  detach({ runtime, id, caller, surface, log, request: { headers } }: Exchange): OpenCall {
    const signal = new CancelSource(runtime)
    const opened: OpenCall = {
      call: {
        ...{ id, caller, surface, log, signal },
        hops: hopsOf(headers),
        session: () => sessionOf(headers),
        attempts: new Attempts(),
        receipt: newReceipt(),
      },
      abort: (reason) => signal.abort(reason),
      close: () => {
        if (this.#open.delete(opened)) this.#detached--
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
