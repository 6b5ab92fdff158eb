import type { CallerLimits } from '../chat/caller.ts'
import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import { repeat } from '../flow/repeat.ts'
import type { Runtime } from '../flow/runtime.ts'
import { sleep } from '../flow/wait.ts'
import type { Store } from '../state/store.ts'
import { drawnIn, msUntilLess, readUse, runningElsewhere, type SharedUse, withDraw, withRunning } from './shared-use.ts'

/** A process draws a twentieth of a limit at once, so that most requests need not ask the store. */
const sharesOfLimit = 20
/** Milliseconds for which the running requests of a process are believed, and between two renewals. */
const believedMs = 15_000
const renewMs = 5_000
/** Milliseconds after which a full limit is asked for again. */
const againMs = 100
const maxWrites = 20
/** Milliseconds for which a store that failed is not asked, so that no request waits for it. */
const awayMs = 1_000
const ttlMs = 120_000

/** A store that several processes share, and the name of this one. */
export interface SharedStore {
  readonly store: Store
  readonly processId: string
}

interface SharedLimitsOptions extends SharedStore {
  readonly runtime: Pick<Runtime, 'now' | 'random' | 'timers'>
}

type Amounts = readonly [requests: number, tokens: number]

/**
 * The limits of one key for several processes. What all of them have taken is one value of the store. Requests and tokens are
 * drawn ahead in shares, and running requests are counted one by one (docs/decisions/0080-limits-of-several-processes.md).
 */
export class SharedLimits {
  readonly #key: string
  readonly #options: SharedLimitsOptions
  /** What was drawn and not used. Tokens are below zero if answers had more than was expected. */
  #balance: Amounts = [0, 0]
  #running = 0
  /** What is asked of the store goes one after the other. */
  #last: Promise<unknown> = Promise.resolve()
  /** Requests that ask the store at the moment. */
  #asking = 0
  /** When the limit was full, when it is asked again, and when something is free. */
  #full: { readonly askAt: number; readonly freeAt: number } | undefined
  #awayUntil = 0
  #stopRenewing: (() => void) | undefined

  constructor(caller: string, options: SharedLimitsOptions) {
    this.#key = `client-limits/${caller}`
    this.#options = options
  }

  /**
   * Takes from the limits of a minute.
   * @returns milliseconds to wait, 0 if it was taken; a promise if the store has to be asked
   * @throws ChatError `unavailable`
   */
  take(amounts: Amounts, limits: CallerLimits): number | Promise<number> {
    if (this.#asking > 0 || !covers(this.#balance, amounts, limits)) return this.#ask(amounts, limits)
    this.#change(amounts, -1)
    this.#drawAhead(limits)
    return 0
  }

  async #ask(amounts: Amounts, limits: CallerLimits): Promise<number> {
    this.#asking++
    try {
      return await this.#inTurn(async () => {
        const waitMs = covers(this.#balance, amounts, limits) ? 0 : await this.#draw(amounts, limits)
        if (waitMs <= 0) this.#change(amounts, -1)
        return waitMs
      })
    } finally {
      this.#asking--
    }
  }

  /** Asks for a share before the last one is used up, so that no request waits for it. */
  #drawAhead(limits: CallerLimits): void {
    const [requests, tokens] = shareOf(limits)
    const half: Amounts = [Math.floor(requests / 2), Math.floor(tokens / 2)]
    if (this.#asking > 0 || covers(this.#balance, half, limits)) return
    this.#asking++
    this.#inTurn(() => this.#draw(half, limits))
      // the request that needs it asks again
      .catch(() => undefined)
      .finally(() => this.#asking--)
  }

  /** Gives back what was not used. Only one share is kept, because it counts since the time it was drawn. */
  giveBack(amounts: Amounts, limits: CallerLimits): void {
    this.#change(amounts, 1)
    const [requests, tokens] = this.#balance
    const [mostRequests, mostTokens] = shareOf(limits)
    this.#balance = [Math.min(requests, mostRequests), Math.min(tokens, mostTokens)]
  }

  /** Counts the tokens of an answer. The next draw makes up for what was not reserved. */
  spend(tokens: number): void {
    this.#change([0, tokens], -1)
  }

  /**
   * Waits until all processes together run fewer than `max` requests, and adds one.
   * @throws ChatError `unavailable`, or the signal's reason
   * @returns false if that takes too long
   */
  async enter(max: number, withinMs: number, signal: Cancel): Promise<boolean> {
    const { runtime } = this.#options
    for (let waited = 0; ; ) {
      if (await this.#inTurn(() => this.#addRunning(max))) return true
      const pauseMs = againMs * (1 + runtime.random())
      waited += pauseMs
      if (waited > withinMs) return false
      await sleep(pauseMs, signal)
    }
  }

  leave(): void {
    this.#running--
    // if this fails, the renewal says it
    this.#inTurn(() => this.#tell()).catch(() => undefined)
  }

  #change([requests, tokens]: Amounts, sign: number): void {
    this.#balance = [this.#balance[0] + sign * requests, this.#balance[1] + sign * tokens]
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** @returns milliseconds to wait; 0 if enough was drawn */
  async #draw(amounts: Amounts, limits: CallerLimits): Promise<number> {
    const { runtime } = this.#options
    if (this.#full && runtime.now() < this.#full.askAt) return this.#full.freeAt - runtime.now()
    const needed = missing(this.#balance, amounts)
    let granted: Amounts = [0, 0]
    let waitMs = 0
    await this.#update((use) => {
      granted = grant(use, needed, limits)
      waitMs = covers(granted, needed, limits) ? 0 : msUntilLess(use, runtime.now())
      return waitMs > 0 ? undefined : withDraw(use, granted, runtime.now())
    })
    if (waitMs <= 0) this.#change(granted, 1)
    const now = runtime.now()
    this.#full = waitMs > 0 ? { askAt: now + Math.min(waitMs, againMs), freeAt: now + waitMs } : undefined
    return waitMs
  }

  async #addRunning(max: number): Promise<boolean> {
    let isAdded = false
    await this.#update((use) => {
      isAdded = runningElsewhere(use, this.#options.processId) + this.#running < max
      return isAdded ? this.#withRunning(use, this.#running + 1) : undefined
    })
    if (!isAdded) return false
    this.#running++
    this.#stopRenewing ??= repeat(this.#options.runtime.timers, renewMs, () => this.#renew())
    return true
  }

  #renew(): void {
    this.#inTurn(() => this.#tell()).catch(() => undefined)
    if (this.#running > 0) return
    this.#stopRenewing?.()
    this.#stopRenewing = undefined
  }

  #tell(): Promise<void> {
    return this.#update((use) => this.#withRunning(use, this.#running))
  }

  #withRunning(use: SharedUse, count: number): SharedUse {
    const { processId, runtime } = this.#options
    return withRunning(use, processId, [count, runtime.now() + believedMs])
  }

  /** @param change returns undefined to write nothing */
  async #update(change: (use: SharedUse) => SharedUse | undefined): Promise<void> {
    const { runtime } = this.#options
    if (runtime.now() < this.#awayUntil) throw away()
    try {
      for (let attempt = 0; attempt < maxWrites; attempt++) if (await this.#tryUpdate(change)) return
    } catch (thrown) {
      this.#awayUntil = runtime.now() + awayMs
      throw thrown
    }
    throw away()
  }

  /** @returns false if another process has written in between */
  async #tryUpdate(change: (use: SharedUse) => SharedUse | undefined): Promise<boolean> {
    const { store, runtime } = this.#options
    const found = await store.get(this.#key)
    const changed = change(readUse(found?.value, runtime.now()))
    if (!changed) return true
    const text = JSON.stringify(changed)
    return (await store.compareAndSet(this.#key, found?.version ?? 0, text, { ttlMs })) !== undefined
  }
}

function away(): ChatError {
  return new ChatError('unavailable', { message: 'The limits that all processes share cannot be asked for.' })
}

function shareOf({ rpm = 0, tpm = 0 }: CallerLimits): Amounts {
  return [Math.ceil(rpm / sharesOfLimit), Math.ceil(tpm / sharesOfLimit)]
}

function missing([requests, tokens]: Amounts, [neededRequests, neededTokens]: Amounts): Amounts {
  return [Math.max(0, neededRequests - requests), Math.max(0, neededTokens - tokens)]
}

/** Whether these amounts are enough. What has no limit always is. */
function covers([requests, tokens]: Amounts, needed: Amounts, { rpm, tpm }: CallerLimits): boolean {
  return (rpm === undefined || requests >= needed[0]) && (tpm === undefined || tokens >= needed[1])
}

/** What is granted: what is needed and a share, as far as the limits allow. */
function grant(use: SharedUse, needed: Amounts, limits: CallerLimits): Amounts {
  const { rpm = 0, tpm = 0 } = limits
  const [requests, tokens] = drawnIn(use)
  const [shareRequests, shareTokens] = shareOf(limits)
  return [
    Math.min(needed[0] + shareRequests, Math.max(0, rpm - requests)),
    Math.min(needed[1] + shareTokens, Math.max(0, tpm - tokens)),
  ]
}
