import type { Cancel } from '../../flow/cancel.ts'
import { orAbort } from '../../flow/wait.ts'

interface WaitingRequest {
  readonly model: string
  enter(): void
}

/**
 * Lets requests with the same model use an account together, and requests with another model wait for their turn. In
 * the second protocol the model is a setting of the whole account, not a field of the request.
 */
export class PreferredModel {
  #model: string | undefined
  #inside = 0
  #waiting: WaitingRequest[] = []

  /**
   * Waits for the request's turn.
   * @returns a function that admits the next request; it must be called as soon as the setting no longer matters
   */
  async enter(model: string, signal: Cancel): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#inside > 0 && (model !== this.#model || this.#waiting.length > 0)) await this.#turn(model, signal)
    else this.#count(model)
    let isInside = true
    return () => {
      if (!isInside) return
      isInside = false
      this.#inside--
      this.#admit()
    }
  }

  async #turn(model: string, signal: Cancel): Promise<void> {
    const entered = Promise.withResolvers<void>()
    let hasEntered = false
    const waiting = {
      model,
      enter: () => {
        hasEntered = true
        this.#count(model)
        entered.resolve()
      },
    }
    this.#waiting.push(waiting)
    try {
      await orAbort(entered.promise, signal)
    } catch (thrown) {
      this.#waiting = this.#waiting.filter((other) => other !== waiting)
      if (hasEntered) this.#inside--
      this.#admit()
      throw thrown
    }
  }

  #count(model: string): void {
    this.#model = model
    this.#inside++
  }

  /** Admits the next waiting request, and all requests behind it with the same model. */
  #admit(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      if (this.#inside > 0 && next.model !== this.#model) return
      this.#waiting.shift()
      next.enter()
    }
  }
}
