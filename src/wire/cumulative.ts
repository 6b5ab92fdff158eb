import { ChatError } from '../chat/error.ts'

/**
 * Turns texts that each repeat the one before and add to it into the pieces that they add. A piece cannot be taken back:
 * a text that does not begin with all earlier pieces is an error, however small the change.
 */
export class CumulativeText {
  /** The text that was returned so far, before half characters in it were replaced. */
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

  /** Returns the rest when nothing more comes: a half character that was held back. */
  end(): string {
    return this.#give(this.#last.length)
  }

  /**
   * Returns what the whole text adds, for upstreams that repeat it at the end. An empty text adds nothing.
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
