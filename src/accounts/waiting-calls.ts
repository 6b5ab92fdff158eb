/** The calls that wait for an account, in the order in which they came. */
export class WaitingCalls {
  readonly #wakers = new Set<(added: undefined) => void>()

  /** Wakes all waiting calls, because an account was added. */
  wake(): void {
    for (const wake of this.#wakers) wake(undefined)
  }

  /** Waits for `made`, or until an account is added. In the second case the result is undefined. */
  async wait<Result>(made: Promise<Result>): Promise<Result | undefined> {
    const { promise: added, resolve } = Promise.withResolvers<undefined>()
    this.#wakers.add(resolve)
    return Promise.race([made, added]).finally(() => this.#wakers.delete(resolve))
  }
}
