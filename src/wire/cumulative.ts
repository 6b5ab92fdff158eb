import { ChatError } from '../chat/error.ts'

/**
 * Returns the pieces that texts add, where each text repeats the one before and adds to it. A client already has the
 * earlier pieces, so a text that changes one of them is an error, however small the change.
 */
export class CumulativeText {
  /** The text that was returned so far. Its half characters are not replaced here, only in the pieces. */
  #given = ''
  /** The newest text, whole. */
  #last = ''

  /**
   * Returns what this text adds. The first half of a surrogate pair is held back until the second half comes.
   * @throws ChatError `upstream-failed` when the text contradicts what was returned before
   */
  grow(text: string): string {
    if (!text.startsWith(this.#given)) {
      // a shorter text is an older one that arrived late
      if (this.#last.startsWith(text)) return ''
      throw revised()
    }
    this.#last = text
    return this.#give(endsInHalf(text) ? text.length - 1 : text.length)
  }

  /** Returns the half character that was held back, when no more text comes. */
  end(): string {
    return this.#give(this.#last.length)
  }

  /**
   * Takes the whole text, which some upstreams repeat at the end, and returns what it adds. An empty text is ignored.
   * @throws ChatError `upstream-failed` when the text does not begin with what was returned before
   */
  finish(text: string): string {
    if (text === '') return this.end()
    if (!text.startsWith(this.#given)) throw revised()
    this.#last = text
    return this.end()
  }

  #give(end: number): string {
    if (end <= this.#given.length) return ''
    const added = this.#last.slice(this.#given.length, end)
    this.#given = this.#last.slice(0, end)
    return added.toWellFormed()
  }
}

function endsInHalf(text: string): boolean {
  const last = text.charCodeAt(text.length - 1)
  return last >= 0xd800 && last <= 0xdbff
}

function revised(): ChatError {
  return new ChatError('upstream-failed', {
    message: 'The upstream took back a part of its answer.',
    code: 'upstream_bad_response',
  })
}
