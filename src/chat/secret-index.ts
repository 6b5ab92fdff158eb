/** Characters of the gram by which a spelling is found in a text. No spelling is shorter. */
export const gramLength = 6

/** A spelling, and the offset of the gram by which it is found. */
interface IndexedSpelling {
  readonly spelling: string
  readonly offset: number
  /** Of two spellings of equal length, the one with the lower number is cut out first. */
  readonly order: number
}

interface Match {
  readonly start: number
  readonly entry: IndexedSpelling
}

/** Factor of the rolling hash, and the weight of its oldest character. */
const factor = 0x01000193
const oldestFactor = Array.from({ length: gramLength - 1 }).reduce<number>((power) => Math.imul(power, factor), 1)
/** Bits of the slot number. An empty slot shows that no spelling has such a hash. */
const slotBits = 16
/** Limits for the number of spellings, and for the characters of a text, that are searched without hashes. */
const fewSpellings = 24
const shortText = 4_096

/**
 * Finds any number of spellings in one pass over a text, by looking up the hash of every six characters. Each spelling is
 * indexed by its rarest six characters, because many keys have the same beginning (`sk-proj-`, `eyJhbGciOi`). Spellings can
 * be added and removed at any time.
 */
export class SecretIndex {
  readonly #byHash = new Map<number, IndexedSpelling[]>()
  readonly #hashes = new Map<string, number>()
  readonly #perSlot = new Uint16Array(1 << slotBits)
  readonly #standsAt: (text: string, spelling: string, start: number) => boolean
  #nextOrder = 0
  #longest = 0

  /** @param standsAt compares a spelling with a text at a place where it may stand */
  constructor(standsAt = (text: string, spelling: string, start: number) => text.startsWith(spelling, start)) {
    this.#standsAt = standsAt
  }

  /** Length of the longest spelling that was ever added. */
  get longest(): number {
    return this.#longest
  }

  /** @param spelling of `gramLength` characters at least */
  add(spelling: string): void {
    if (this.#hashes.has(spelling)) return
    const { hash, offset } = this.#rarestGram(spelling)
    const others = this.#byHash.get(hash)
    const entry = { spelling, offset, order: this.#nextOrder++ }
    if (others) others.push(entry)
    else this.#byHash.set(hash, [entry])
    this.#hashes.set(spelling, hash)
    this.#count(hash, 1)
    this.#longest = Math.max(this.#longest, spelling.length)
  }

  remove(spelling: string): void {
    const hash = this.#hashes.get(spelling)
    if (hash === undefined) return
    this.#hashes.delete(spelling)
    const rest = this.#byHash.get(hash)?.filter((entry) => entry.spelling !== spelling) ?? []
    if (rest.length > 0) this.#byHash.set(hash, rest)
    else this.#byHash.delete(hash)
    this.#count(hash, -1)
  }

  /**
   * Replaces every spelling in the text. Of two that overlap, the longer one is replaced. Otherwise, a spelling
   * inside a longer one would leave the rest of the longer one behind. Of two that are equally long, the first one is
   * replaced.
   */
  replaceAll(text: string, mask: string): string {
    if (this.#isKnownClean(text)) return text
    const matches = this.#matchesIn(text)
    if (matches.length === 0) return text
    let end = 0
    let kept = ''
    for (const { start, entry } of chooseMatches(matches, text.length)) {
      kept += text.slice(end, start) + mask
      end = start + entry.spelling.length
    }
    return kept + text.slice(end)
  }

  /** Searches a short text for each of a few spellings. The platform does this fast even in the first calls of a process. */
  #isKnownClean(text: string): boolean {
    if (this.#hashes.size > fewSpellings || text.length > shortText) return false
    for (const spelling of this.#hashes.keys()) if (text.includes(spelling)) return false
    return true
  }

  /** Returns every match, overlapping ones included. */
  #matchesIn(text: string): readonly Match[] {
    const matches: Match[] = []
    let hash = 0
    for (let at = 0; at < text.length; at++) {
      const oldest = at < gramLength ? 0 : text.charCodeAt(at - gramLength)
      hash = rollHash(hash, text.charCodeAt(at), oldest)
      if (this.#perSlot[slotOf(hash)] === 0 || at < gramLength - 1) continue
      for (const entry of this.#byHash.get(hash) ?? []) {
        const start = at - gramLength + 1 - entry.offset
        if (start >= 0 && this.#standsAt(text, entry.spelling, start)) matches.push({ start, entry })
      }
    }
    return matches
  }

  #rarestGram(spelling: string): { readonly hash: number; readonly offset: number } {
    let rarest = { hash: 0, offset: 0, sharers: Number.POSITIVE_INFINITY }
    let hash = 0
    for (let at = 0; at < spelling.length && rarest.sharers > 0; at++) {
      const oldest = at < gramLength ? 0 : spelling.charCodeAt(at - gramLength)
      hash = rollHash(hash, spelling.charCodeAt(at), oldest)
      if (at < gramLength - 1) continue
      const sharers = this.#byHash.get(hash)?.length ?? 0
      if (sharers < rarest.sharers) rarest = { hash, offset: at - gramLength + 1, sharers }
    }
    return rarest
  }

  #count(hash: number, change: number): void {
    const slot = slotOf(hash)
    this.#perSlot[slot] = (this.#perSlot[slot] ?? 0) + change
  }
}

/** Moves the hash's window by one character. @param oldest the character that leaves the window; 0 while it fills */
function rollHash(hash: number, newest: number, oldest: number): number {
  return (Math.imul(hash - Math.imul(oldest, oldestFactor), factor) + newest) | 0
}

function slotOf(hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> (32 - slotBits)
}

/** Chooses longer matches first, skips those that overlap a chosen one, and returns them in the order of the text. */
function chooseMatches(matches: readonly Match[], length: number): readonly Match[] {
  const taken = new Uint8Array(length)
  const inTurn = matches.toSorted(
    ({ entry: a, start: startA }, { entry: b, start: startB }) =>
      b.spelling.length - a.spelling.length || a.order - b.order || startA - startB,
  )
  const free = inTurn.filter(({ start, entry }) => {
    const end = start + entry.spelling.length
    // a match that was taken before is at least as long, so if it overlaps, it covers one of the ends
    if (taken[start] || taken[end - 1]) return false
    taken.fill(1, start, end)
    return true
  })
  return free.sort((a, b) => a.start - b.start)
}
