import type { ChatError } from '../../chat/error.ts'
import { Attempts } from '../../flow/attempts.ts'
import { type Call, newReceipt } from '../../flow/call.ts'
import { NativeCancel } from '../../flow/cancel.ts'
import { clientLeft } from './client-left.ts'
import type { Exchange } from './exchange.ts'
import { hopsOf } from './hops.ts'
import { shuttingDown } from './shutting-down.ts'

/** A call with the means to end it. */
export interface OpenCall {
  readonly call: Call
  abort(reason: ChatError): void
  /** Lets go of it: there is nothing left to abort. */
  close(): void
}

/** The calls that run, so that a shutdown can end those which outstay it. */
export class Calls {
  readonly #open = new Set<OpenCall>()
  readonly #idleSeconds: number

  /** @param idleSeconds for which a connection may be silent when no call runs on it */
  constructor(idleSeconds: number) {
    this.#idleSeconds = idleSeconds
  }

  get count(): number {
    return this.#open.size
  }

  /**
   * Opens a call that ends when its client leaves. Until it is closed its own deadlines hold: a thinking model is silent
   * for longer than a connection may be idle.
   * @throws ChatError `invalid-request` `too_many_hops`
   */
  open(exchange: Exchange): OpenCall {
    const { request, id, caller, log, limitSilence } = exchange
    const hops = hopsOf(request.headers)
    const signal = new NativeCancel(exchange.runtime, request.signal, clientLeft)
    limitSilence(0)
    const opened: OpenCall = {
      call: { id, caller, hops, log, signal, attempts: new Attempts(), receipt: newReceipt() },
      abort: (reason) => signal.abort(reason),
      close: () => {
        signal.release()
        limitSilence(this.#idleSeconds)
        this.#open.delete(opened)
      },
    }
    this.#open.add(opened)
    return opened
  }

  /** Ends every call that still runs; a stream among them says so in its last event. */
  abortAll(): void {
    for (const { abort } of this.#open) abort(shuttingDown())
  }
}
