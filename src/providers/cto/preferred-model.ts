import type { Cancel } from '../../flow/cancel.ts'
import { orAbort } from '../../flow/wait.ts'

interface Waiting {
  readonly model: string
  enter(): void
}

/**
 * Who may ask an account now. Its model is a setting of the whole account, which the second protocol has in place of a
 * field of the request: requests for one model run together, those for another wait until it is their turn.
 */
export class PreferredModel {
  #model: string | undefined
  #inside = 0
  #waiting: Waiting[] = []

  /**
   * Waits for its turn.
   * @returns lets the next one in; call it once the setting no longer matters, however that came
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

  /** The next in line, and whoever behind it is there for the same model. */
  #admit(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      if (this.#inside > 0 && next.model !== this.#model) return
      this.#waiting.shift()
      next.enter()
    }
  }
}
