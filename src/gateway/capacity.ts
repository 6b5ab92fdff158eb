import { ChatError } from '../chat/error.ts'
import type { Cancel } from '../flow/cancel.ts'
import { FairPermits, refusedForMs } from '../flow/fair-permits.ts'
import type { Runtime } from '../flow/runtime.ts'
import { LoopDelay } from './loop-delay.ts'
import { SpareMemory } from './spare-memory.ts'

interface CapacityOptions extends CapacityLimits {
  /** Gets the milliseconds by which the event loop was late, several times a second while calls run. */
  readonly onLoopDelay?: ((ms: number) => void) | undefined
}

export interface CapacityLimits {
  /** Limit for the calls that run at the same time. */
  readonly maxCalls: number
  /** Limit for the calls that wait for others to end. */
  readonly maxWaiting: number
}

/** Why no further call may begin: no memory, an event loop with too much work, or too many calls that run and wait. */
export type Shortage = 'memory' | 'event-loop' | 'calls'

/** So many calls may always run, because memory that only garbage occupies becomes free again by use. */
const alwaysAllowed = 8

/** What this process can do at the same time. A call over the limit waits for a moment, and is refused early if that is no use. */
export class Capacity {
  #limits: CapacityLimits
  readonly #runtime: Runtime
  readonly #permits: FairPermits
  readonly #memory: SpareMemory
  readonly #delay: LoopDelay
  readonly #shed: Record<Shortage, number> = { calls: 0, memory: 0, 'event-loop': 0 }

  constructor({ onLoopDelay, ...limits }: CapacityOptions, runtime: Runtime) {
    this.#limits = limits
    this.#runtime = runtime
    this.#permits = new FairPermits({
      maxWaiting: () => this.#limits.maxWaiting,
      refuse: (_, retryAfterMs) => this.#refusal('calls', retryAfterMs),
    })
    this.#memory = new SpareMemory(runtime)
    this.#delay = new LoopDelay(runtime, onLoopDelay)
  }

  get max(): number {
    return this.#limits.maxCalls
  }

  /** Sets other limits. Calls that run and wait stay. */
  resize(limits: CapacityLimits): void {
    this.#limits = limits
  }

  get running(): number {
    return this.#permits.taken
  }

  get waiting(): number {
    return this.#permits.waiting
  }

  /** The calls that were refused so far, by what there was too little of. */
  get shed(): Readonly<Record<Shortage, number>> {
    return this.#shed
  }

  /** Whether a call has to wait. */
  get isFull(): boolean {
    return this.running >= this.max
  }

  /** Why no further call may begin; undefined if one may. */
  shortage(): Shortage | undefined {
    if (this.waiting >= this.#limits.maxWaiting && this.isFull) return 'calls'
    if (this.running < alwaysAllowed) return undefined
    if (!this.#memory.isLeft()) return 'memory'
    return this.#delay.isLate ? 'event-loop' : undefined
  }

  /**
   * Takes the place of one call, which `leave` gives back. It may have to wait.
   * @throws ChatError `unavailable`, or the signal's reason. Then no place was taken
   */
  async enter(signal: Cancel): Promise<void> {
    this.#refuse(this.shortage())
    await this.#permits.take(this.max, signal)
    this.#watchDelay()
  }

  /** The same for a call that need not wait. */
  enterNow(signal: Cancel): void {
    this.#refuse(this.isFull ? 'calls' : this.shortage())
    // there is a place, so it is taken at once
    void this.#permits.take(this.max, signal)
    this.#watchDelay()
  }

  leave(): void {
    this.#permits.release()
    if (this.running === 0) this.#delay.stop()
  }

  #watchDelay(): void {
    if (this.running === 1) this.#delay.start()
  }

  /** @throws ChatError `unavailable` if there is a shortage */
  #refuse(shortage: Shortage | undefined): void {
    if (shortage) throw this.#refusal(shortage, refusedForMs(this.#runtime))
  }

  #refusal(shortage: Shortage, retryAfterMs: number): ChatError {
    this.#shed[shortage]++
    return refusal(shortage, retryAfterMs)
  }
}

const problems: Readonly<Record<Shortage, string>> = {
  calls: 'already runs as many requests as it may',
  memory: 'has not enough memory for another request',
  'event-loop': 'has more work than it can do at once',
}

function refusal(shortage: Shortage, retryAfterMs: number): ChatError {
  return new ChatError('unavailable', {
    message: `The gateway ${problems[shortage]}. Try again in a moment.`,
    retryAfterMs,
  })
}
