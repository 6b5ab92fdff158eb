import type { Token } from 'marked'
import { lex } from './lex.ts'
import { readBlocks, verbatim } from './read-blocks.ts'
import type { Block } from './tree.ts'

/** A part of an answer. One that is finished stays the same object, so that it is not drawn again. */
export interface Section {
  readonly blocks: readonly Block[]
}

/**
 * Tokens at the end that a later text may change. A paragraph may become the next item of the list before it, and where a
 * paragraph ends depends on the next two lines: they may be the head of a table.
 */
const openTokens = 3

/**
 * Reads an answer while it grows. Blocks that no later text can change are finished, and are not read again: only the end is.
 * The sections are those that the whole text would have.
 */
export class MarkdownReader {
  #read = ''
  /** The text after the finished sections, with `\n` as line ends. */
  #open = ''
  #finished: readonly Section[] = []
  #sections: readonly Section[] = []

  /** Reads the text so far. If it does not begin with the former one, all is read anew. */
  update(text: string): readonly Section[] {
    // the other half of a line end may follow
    const stable = text.endsWith('\r') ? text.slice(0, -1) : text
    if (stable === this.#read) return this.#sections
    if (!stable.startsWith(this.#read)) this.#restart()
    this.#open += stable.slice(this.#read.length).replace(/\r\n?/g, '\n')
    this.#read = stable
    this.#sections = this.#readOpen()
    return this.#sections
  }

  #restart(): void {
    this.#read = ''
    this.#open = ''
    this.#finished = []
  }

  #readOpen(): readonly Section[] {
    const tokens = lex(this.#open)
    if (!tokens) return [...this.#finished, { blocks: verbatim(this.#open) }]
    const finished = tokens.slice(0, finishedCount(tokens))
    const length = lengthOf(finished, this.#open)
    if (length > 0) {
      this.#finished = [...this.#finished, ...sectionsOf(finished)]
      this.#open = this.#open.slice(length)
    }
    const rest = length > 0 ? tokens.slice(finished.length) : tokens
    return [...this.#finished, ...sectionsOf(rest)]
  }
}

/** A section for each token that shows something. */
function sectionsOf(tokens: readonly Token[]): readonly Section[] {
  return tokens.map((token) => ({ blocks: readBlocks([token]) })).filter(({ blocks }) => blocks.length > 0)
}

/** How many tokens at the beginning no later text can change. */
function finishedCount(tokens: readonly Token[]): number {
  let count = tokens.length
  for (let open = 0; count > 0 && open < openTokens; count--) if (tokens[count - 1]?.type !== 'space') open++
  return count
}

/** The length of these tokens in the text; 0 if they are not its beginning, word for word. */
function lengthOf(tokens: readonly Token[], text: string): number {
  let length = 0
  for (const { raw } of tokens) {
    if (!text.startsWith(raw, length)) return 0
    length += raw.length
  }
  return length
}
