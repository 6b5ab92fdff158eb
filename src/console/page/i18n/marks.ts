/**
 * Marks in the texts of the dictionaries. A name that somebody else chose (of an upstream, an account, a key) is marked, so that
 * `Words` can show it apart: it may be written from right to left, or pretend to be a part of the sentence.
 */
const nameStart = '\u2068'
const nameEnd = '\u2069'
const codeStart = '\ue000'
const codeEnd = '\ue001'

/** Characters that change the direction of what follows, our own marks, and characters that nobody sees. */
const deceptive = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ue000\ue001]/gu
const maxName = 80

/** A name within a sentence. */
export function name(text: string | null | undefined): string {
  return `${nameStart}${shortened(text ?? '?')}${nameEnd}`
}

/** A word that is typed exactly so, within a sentence: a variable, a command. */
export function code(text: string | null | undefined): string {
  return `${codeStart}${shortened(text ?? '?')}${codeEnd}`
}

/** A piece of a text: its own words, a name or a code. */
export interface Piece {
  readonly kind: 'text' | 'name' | 'code'
  readonly text: string
}

/** The pieces of a text, in order. */
export function piecesOf(text: string): readonly Piece[] {
  return text
    .split(/(\u2068[^\u2069]*\u2069|\ue000[^\ue001]*\ue001)/)
    .filter((part) => part !== '')
    .map((part) => {
      if (part.startsWith(nameStart)) return { kind: 'name', text: part.slice(1, -1) }
      if (part.startsWith(codeStart)) return { kind: 'code', text: part.slice(1, -1) }
      return { kind: 'text', text: part }
    })
}

/** The text for places that have no elements, such as a label: names stay apart by the marks of Unicode. */
export function plain(text: string): string {
  return text.replace(/\ue000/g, nameStart).replace(/\ue001/g, nameEnd)
}

/** Characters that turn the text around them: embeddings, overrides and isolates (Unicode, UAX #9). Splitting by it keeps them. */
export const turning = /([\u202a-\u202e\u2066-\u2069])/

/** A long text without the characters that turn the direction of what follows: they make a text look like another one. */
export function withoutTurns(text: string): string {
  return text.replace(new RegExp(turning, 'g'), '\ufffd')
}

/** A text in one line, without characters that deceive, and no longer than a sentence can bear. */
export function shortened(text: string, max = maxName): string {
  const clean = text.replace(deceptive, '\ufffd')
  const characters = [...clean.slice(0, 2 * max + 2)]
  return characters.length > max ? `${characters.slice(0, max - 1).join('')}…` : clean
}
