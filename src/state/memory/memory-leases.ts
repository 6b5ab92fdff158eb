import { type Lease, leaseMemoryMs } from '../store.ts'

interface LeaseRecord {
  readonly fence: number
  readonly expiresAt: number
  /** Whether its holder has released it. Then it is free, even if the clock is set back. */
  readonly isReleased: boolean
}

/** The leases of a store in memory. */
export class MemoryLeases {
  readonly #now: () => number
  /** The oldest lease comes first. */
  readonly #leases = new Map<string, LeaseRecord>()
  #lastFence = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** @returns undefined while another holder has it */
  take(name: string, ttlMs: number): Lease | undefined {
    this.#deleteOld()
    const current = this.#leases.get(name)
    if (current && !current.isReleased && current.expiresAt > this.#now()) return undefined
    const fence = ++this.#lastFence
    this.#leases.delete(name)
    this.#leases.set(name, { fence, expiresAt: this.#now() + ttlMs, isReleased: false })
    return {
      fence,
      extend: async (extendMs) => this.#extend(name, fence, extendMs),
      release: async () => this.#release(name, fence),
    }
  }

  /** Whether no newer lease of this name was taken. */
  isNewest(name: string, fence: number): boolean {
    return this.#leases.get(name)?.fence === fence
  }

  clear(): void {
    this.#leases.clear()
  }

  #extend(name: string, fence: number, ttlMs: number): boolean {
    const current = this.#leases.get(name)
    if (current?.fence !== fence || current.isReleased) return false
    this.#leases.set(name, { ...current, expiresAt: this.#now() + ttlMs })
    return true
  }

  #release(name: string, fence: number): void {
    const current = this.#leases.get(name)
    if (current?.fence !== fence) return
    this.#leases.set(name, { fence, expiresAt: Math.min(current.expiresAt, this.#now()), isReleased: true })
  }

  /** Deletes up to two ended leases for each new one, which is enough to limit their number. */
  #deleteOld(): void {
    for (const [name, { expiresAt }] of [...this.#leases.entries().take(2)])
      if (expiresAt + leaseMemoryMs <= this.#now()) this.#leases.delete(name)
  }
}
