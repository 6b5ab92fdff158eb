import { mayBecomeFence, openFence, repairFence } from './fences.ts'
import type { FoundSeam, SeamSearch } from './find-seam.ts'
import type { SaidText } from './said-text.ts'

/** White space after which the new text is no longer waited for. */
const maxSpace = 1024

/** Gives the part of a new answer that the client does not have. Nothing comes before the seam is found. */
export class TextJoin {
  readonly #said: SaidText
  readonly #search: SeamSearch
  /** The text of the new answer that waits. */
  #held = ''
  /** The marks of the block of code in which the broken answer ended. */
  #open: string | undefined
  #isFenced = false
  #quote = ''
  #isSearching = true
  #isJoined = false
  #cut = 0

  constructor(said: SaidText, search: SeamSearch) {
    this.#said = said
    this.#search = search
  }

  /** Whether text is shown, so that nothing can fail any more. */
  get isJoined(): boolean {
    return this.#isJoined
  }

  /** UTF-16 units of the new answer that are not shown. */
  get cut(): number {
    return this.#cut
  }

  /** Returns the text to show; undefined if the new answer does not go on where the other one ended. */
  add(text: string): string | undefined {
    if (this.#isJoined) return text
    this.#held += text
    const seam = this.#isSearching ? this.#search.add(text) : undefined
    if (seam === 'none') return undefined
    if (seam) this.#cutAt(seam)
    return this.#isSearching ? '' : this.#join(false)
  }

  /** Returns the rest at the end of the new answer; undefined if the seam was not found. */
  end(): string | undefined {
    if (this.#isJoined) return ''
    const seam = this.#isSearching ? this.#search.end() : undefined
    if (seam === 'none') return undefined
    if (seam) this.#cutAt(seam)
    return this.#join(true)
  }

  #cutAt({ at, isFenced = false, quote = '' }: FoundSeam): void {
    this.#isSearching = false
    this.#isFenced = isFenced
    this.#quote = quote
    this.#open = openFence(this.#said.whole)
    this.#hold(this.#held.slice(at))
  }

  #hold(rest: string): void {
    this.#cut += this.#held.length - rest.length
    this.#held = rest
  }

  /** Joins what follows the seam, once it shows which white space and which fence it begins with. */
  #join(isEnd: boolean): string | undefined {
    if (this.#held === '' && !isEnd) return ''
    if (this.#quote !== '' && this.#held.startsWith(this.#quote)) this.#hold(this.#held.slice(this.#quote.length))
    this.#quote = ''
    const { half } = this.#said
    if (half !== '') {
      // the client has half a character, and only its other half can follow
      if (!this.#held.startsWith(half)) return undefined
      return this.#show(this.#held.slice(1))
    }
    const fence = { open: this.#open, isFenced: this.#isFenced }
    if (!isEnd && (isUnclear(this.#held) || mayBecomeFence(this.#held, fence))) return ''
    const repaired = repairFence(this.#held, fence)
    const startsLine = this.#said.space.includes('\n') || this.#held.startsWith('\n')
    // a block that begins again within a line repeats that line
    if (repaired !== this.#held && this.#open !== undefined && !startsLine) return undefined
    return this.#show(withoutSpace(repaired, this.#said.space))
  }

  #show(rest: string): string {
    this.#hold(rest)
    this.#isJoined = true
    this.#held = ''
    return rest
  }
}

/** Whether more white space may follow. */
function isUnclear(rest: string): boolean {
  return rest.trimStart() === '' && rest.length < maxSpace
}

/** Removes the white space that the client has already. */
function withoutSpace(rest: string, shown: string): string {
  const text = rest.trimStart()
  const space = rest.slice(0, rest.length - text.length)
  if (shown === '' || space.startsWith(shown)) return rest.slice(shown.length)
  return !shown.includes('\n') && space.includes('\n') ? rest : text
}
