/** How far this machine's clock is from those of other hosts. */
export interface ClockOffset {
  /** Milliseconds by which our clock is ahead; below 0 if it is behind. */
  readonly offMs: number
  /** The hosts whose clocks say so. */
  readonly hosts: readonly string[]
}

/** One comparison with the clock of a host. */
export interface ClockNote {
  readonly offMs: number
  /** Our clock minus the one that only goes forward. It changes if our clock is set. Milliseconds */
  readonly base: number
}

/** Milliseconds that a clock may be off, because a `Date` header has whole seconds and replies take time. */
const toleratedMs = 60_000
const maxHosts = 64

/**
 * Compares our clock with those of other hosts. One host may be wrong itself, so two must agree, or one twice in a row while no
 * other contradicts it.
 */
export class ClockCheck {
  /** The last two notes of each host, the newest first. */
  readonly #notes = new Map<string, readonly ClockNote[]>()

  note(host: string, note: ClockNote): void {
    const [before] = this.#notes.get(host) ?? []
    this.#notes.delete(host)
    this.#notes.set(host, before ? [note, before] : [note])
    const [oldest] = this.#notes.keys()
    if (oldest !== undefined && this.#notes.size > maxHosts) this.#notes.delete(oldest)
  }

  /**
   * Whether our clock is wrong; undefined if it is right, or nothing is known.
   * @param base as in a note, at this moment: if our clock was set since a note, the note is corrected by as much
   */
  offset(base: number): ClockOffset | undefined {
    const known = [...this.#notes].map(([host, notes]) => {
      const offs = notes.map((note) => note.offMs + base - note.base)
      const [offMs = 0] = offs
      return { host, offMs, isOff: isOff(offMs), isTwice: offs.length > 1 && offs.every(isOff) }
    })
    const off = known.filter((one) => one.isOff)
    const isRight = off.length < 2 && (known.length > off.length || !off[0]?.isTwice)
    if (isRight || 2 * off.length <= known.length) return undefined
    const sorted = off.map(({ offMs }) => offMs).sort((a, b) => a - b)
    return { offMs: sorted[Math.floor(sorted.length / 2)] ?? 0, hosts: off.map(({ host }) => host) }
  }
}

function isOff(offMs: number): boolean {
  return Math.abs(offMs) > toleratedMs
}
