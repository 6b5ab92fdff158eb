import { ChatError } from '../chat/error.ts'

/**
 * Text that comes again and again, each time longer, as what it grows by. What was given out cannot be taken back: a
 * text that no longer begins with it is an error, however little of it has changed.
 */
export class CumulativeText {
  /** As it was given out, before a lone half of a character in it was replaced. */
  #given = ''
  /** The newest text, whole. */
  #last = ''

  /**
   * What this text adds. The first half of a character is held back until its second has come.
   * @throws ChatError `upstream-failed` when it contradicts what was given out already
   */
  grow(text: string): string {
    if (!text.startsWith(this.#given)) {
      // an older text, overtaken on its way, contradicts nothing
      if (this.#last.startsWith(text)) return ''
      throw revised()
    }
    this.#last = text
    return this.#give(endsInHalf(text) ? text.length - 1 : text.length)
  }

  /** What is still due when nothing more comes: a half that nothing can complete any more. */
  end(): string {
    return this.#give(this.#last.length)
  }

  /**
   * What the whole text adds, when it is said once more at the end. Empty, it says nothing.
   * @throws ChatError `upstream-failed` when it is not what was given out, and more
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
