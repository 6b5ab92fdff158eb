import { type Lease, leaseMemoryMs } from '../store.ts'

interface LeaseRecord {
  readonly fence: number
  readonly expiresAt: number
  /** Whether its holder gave it back: then it is free whatever the clock says. */
  readonly isReleased: boolean
}

/** The leases that a store in memory has given. */
export class MemoryLeases {
  readonly #now: () => number
  /** The lease that was taken first comes first. */
  readonly #leases = new Map<string, LeaseRecord>()
  #lastFence = 0

  constructor(now: () => number) {
    this.#now = now
  }

  /** @returns undefined while another holder has it */
  take(name: string, ttlMs: number): Lease | undefined {
    this.#forgetOld()
    const held = this.#leases.get(name)
    if (held && !held.isReleased && held.expiresAt > this.#now()) return undefined
    const fence = ++this.#lastFence
    this.#leases.delete(name)
    this.#leases.set(name, { fence, expiresAt: this.#now() + ttlMs, isReleased: false })
    return { fence, release: async () => this.#release(name, fence) }
  }

  /** Whether no newer lease of this name was taken. */
  isNewest(name: string, fence: number): boolean {
    return this.#leases.get(name)?.fence === fence
  }

  clear(): void {
    this.#leases.clear()
  }

  #release(name: string, fence: number): void {
    const held = this.#leases.get(name)
    if (held?.fence !== fence) return
    this.#leases.set(name, { fence, expiresAt: Math.min(held.expiresAt, this.#now()), isReleased: true })
  }

  /** Deletes up to two ended leases for each new one, which is enough that their number does not grow. */
  #forgetOld(): void {
    for (const [name, { expiresAt }] of [...this.#leases.entries().take(2)])
      if (expiresAt + leaseMemoryMs <= this.#now()) this.#leases.delete(name)
  }
}
