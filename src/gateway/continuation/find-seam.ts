import { opensFence } from './fences.ts'
import { NormalText } from './normal-text.ts'
import { bytesOf, minProofBytes, repeatsItself, type SaidText } from './said-text.ts'

/** The place in a new answer at which it goes on. */
export interface FoundSeam {
  /** UTF-16 units of the new answer that the client has already, or must not see. */
  readonly at: number
  /** Whether the model has put what it repeats into a block of code of its own. */
  readonly isFenced?: boolean
  /** The mark that ends a quotation, if the model has quoted what it repeats. */
  readonly quote?: string | undefined
}

/** Looks for the seam in a new answer, which grows. `none` is final. */
export interface SeamSearch {
  add(text: string): FoundSeam | 'none' | undefined
  /** Called at the end of the new answer. */
  end(): FoundSeam | 'none'
}

/** Characters of a courtesy before the text that is repeated. */
const maxCourtesy = 200
/** Characters of the broken answer that a model may repeat if it does not begin anew. */
const maxRepeated = 400

/** Finds the end of what the model repeats. It may begin with a courtesy, repeat more than it was asked for, or begin anew. */
export class RepeatedText implements SeamSearch {
  readonly #said: SaidText
  readonly #received = new NormalText()
  /** Where the next search begins. */
  #from = 0
  #beginsAnew = false

  constructor(said: SaidText) {
    this.#said = said
  }

  add(text: string): FoundSeam | 'none' | undefined {
    this.#received.add(text)
    return this.#search() ?? (this.#isTooLong() ? 'none' : undefined)
  }

  end(): FoundSeam | 'none' {
    return this.#search() ?? 'none'
  }

  #search(): FoundSeam | undefined {
    const { anchor } = this.#said
    if (!anchor) return this.#echo()
    const { text } = this.#received
    for (;;) {
      const found = text.indexOf(anchor.proof, this.#from)
      if (found === -1) {
        this.#from = Math.max(this.#from, text.length - anchor.proof.length + 1)
        return undefined
      }
      this.#from = found + 1
      const seam = this.#seamAt(found + anchor.proof.length, anchor.normal.length)
      if (seam) return seam
    }
  }

  /** An answer that is too short for a proof, or that repeats itself, is found if it is repeated as a whole. */
  #echo(): FoundSeam | undefined {
    const start = this.#received.text.startsWith(' ') ? 1 : 0
    const end = start + this.#said.normal.length
    if (!this.#received.text.startsWith(this.#said.normal, start)) return undefined
    return { at: this.#received.originalLength(end) }
  }

  /** What stands before the repeated text must be short, unless it is nothing but marks. Then the text must be as long as was asked for. */
  #seamAt(end: number, anchorLength: number): FoundSeam | undefined {
    const { text } = this.#received
    const repeated = sharedEnd(text, end, this.#said.normal)
    const before = text.slice(0, end - repeated)
    const isAccepted = isOnlyMarks(before) || (before.length <= maxCourtesy && repeated >= anchorLength)
    if (!isAccepted || repeatsItself(text.slice(before.length, end))) return undefined
    const isFenced = opensFence(before)
    return { at: this.#received.originalLength(end), isFenced, quote: isFenced ? undefined : quotes[before.slice(-1)] }
  }

  #isTooLong(): boolean {
    const { normal, anchor } = this.#said
    const { text } = this.#received
    if (!anchor) return !normal.startsWith(text.trimStart().slice(0, normal.length))
    const opening = normal.slice(0, minProofBytes)
    this.#beginsAnew ||= text.slice(0, maxCourtesy + opening.length).includes(opening)
    const most = this.#beginsAnew ? normal.length : maxRepeated
    return text.length > maxCourtesy + most + anchor.normal.length
  }
}

/** The number of characters that two texts have in common before the end of the one and at the end of the other. */
function sharedEnd(text: string, end: number, said: string): number {
  const most = Math.min(end, said.length)
  let count = 0
  while (count < most && text.charCodeAt(end - 1 - count) === said.charCodeAt(said.length - 1 - count)) count++
  return count
}

/** The marks that begin a quotation, with those that end it. */
const quotes: Readonly<Record<string, string>> = {
  '"': '"',
  '“': '”',
  '„': '“',
  '«': '»',
  '‘': '’',
  '「': '」',
  '`': '`',
}

function isOnlyMarks(normal: string): boolean {
  return opensFence(normal) ? /^[^\p{L}\p{N}]*[\w+#.-]* ?$/u.test(normal) : !/[\p{L}\p{N}]/u.test(normal)
}

/** The first words of an answer that does not go on but begins anew. */
const courtesy =
  /^(sure|certainly|of course|absolutely|okay|here('s|’s| is| are| comes)|(i )?apolog|sorry|i'm sorry|continuing|let me|continued|好的|当然|抱歉|对不起|以下|继续)/i

/**
 * Checks that an answer goes on exactly where the other one ended, as an upstream with a native prefix does. An answer that repeats
 * a part of the other one, or begins with a courtesy, shows that the upstream has ignored the prefix.
 */
export class ExactText implements SeamSearch {
  readonly #said: SaidText
  readonly #received = new NormalText()

  constructor(said: SaidText) {
    this.#said = said
  }

  add(text: string): FoundSeam | 'none' | undefined {
    this.#received.add(text)
    return this.#judge()
  }

  end(): FoundSeam | 'none' {
    return this.#judge() ?? (this.#isRestart() ? 'none' : exact)
  }

  #judge(): FoundSeam | 'none' | undefined {
    const { normal, anchor } = this.#said
    const received = this.#received.text.trimStart()
    if (courtesy.test(received)) return 'none'
    if (normal !== '' && received.startsWith(normal)) return anchor ? this.#afterRestart() : 'none'
    if (bytesOf(received) < minProofBytes || normal.startsWith(received)) return undefined
    return this.#judgeRepetition(received)
  }

  /** The end of the broken answer may stand at the beginning of the new one. */
  #judgeRepetition(received: string): FoundSeam | 'none' | undefined {
    const tail = this.#said.normal.slice(-maxRepeated)
    const opening = received.slice(0, minProofBytes / 3)
    let isOpen = false
    for (let at = tail.indexOf(opening); at !== -1; at = tail.indexOf(opening, at + 1)) {
      const rest = tail.slice(at)
      if (received.startsWith(rest) && bytesOf(rest) >= minProofBytes) return 'none'
      isOpen ||= rest.startsWith(received)
    }
    return isOpen ? undefined : exact
  }

  #isRestart(): boolean {
    const received = this.#received.text.trim()
    return bytesOf(received) >= minProofBytes && this.#said.normal.startsWith(received)
  }

  #afterRestart(): FoundSeam {
    const start = this.#received.text.startsWith(' ') ? 1 : 0
    return { at: this.#received.originalLength(start + this.#said.normal.length) }
  }
}

const exact: FoundSeam = { at: 0 }
