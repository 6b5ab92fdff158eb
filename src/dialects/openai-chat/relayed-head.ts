import type { Fields } from '../../chat/message.ts'

/** What of a chunk is the same in the whole stream, under the client's names. */
export interface StreamHead {
  readonly id: string
  readonly object: string
  readonly created: number
  readonly model: string
}

interface HeadOptions {
  readonly head: StreamHead
  readonly hasUsage: boolean
}

const own: readonly string[] = ['id', 'object', 'created', 'model'] satisfies (keyof StreamHead)[]
const nullUsage = ',"usage":null}'

/**
 * Relays chunks as the JSON they came as, with their head replaced. The head, all that stands before `choices`, is the same
 * text in every chunk of a stream: it is translated once, and neither parsed again nor written again.
 */
export class RelayedHead {
  readonly #theirs: string
  readonly #ours: string
  readonly #members: readonly string[]

  private constructor(theirs: string, ours: string, members: readonly string[]) {
    this.#theirs = theirs
    this.#ours = ours
    this.#members = members
  }

  /** @param hasUsage whether every chunk is to say `usage: null`. Undefined where the head is not all that must change. */
  static of(json: string, chunk: Fields, { head, hasUsage }: HeadOptions): RelayedHead | undefined {
    const theirs = json.slice(0, Math.max(0, json.indexOf('"choices":')))
    const members = Object.keys(chunk)
    const choicesAt = members.indexOf('choices')
    if (!isHead(theirs) || members.slice(choicesAt + 1).some((name) => own.includes(name))) return undefined
    const before = members.slice(0, choicesAt).filter((name) => name !== 'usage')
    const kept = Object.fromEntries(before.map((name) => [name, chunk[name]]))
    const ours = JSON.stringify({ ...kept, ...head, usage: hasUsage ? null : undefined })
    return new RelayedHead(theirs, `${ours.slice(0, -1)},`, members)
  }

  /** The chunk with our head; undefined for one with another head, with more to it, or in several lines, which would end its event. */
  relay(json: string, chunk: Fields): string | undefined {
    if (!json.startsWith(this.#theirs) || !this.#hasMembersOf(chunk) || json.includes('\n') || json.includes('\r'))
      return undefined
    const rest = json.slice(this.#theirs.length)
    return this.#ours + (rest.endsWith(nullUsage) ? `${rest.slice(0, -nullUsage.length)}}` : rest)
  }

  /** The same names in the same order: a chunk that brings its `model` after its choices is not for us. */
  #hasMembersOf(chunk: Fields): boolean {
    let at = 0
    for (const name in chunk) if (name !== this.#members[at++]) return false
    return at === this.#members.length
  }
}

/** Whether the text ends where a member of the object itself may follow, not one of an object within it. */
function isHead(theirs: string): boolean {
  try {
    JSON.parse(`${theirs}"choices":0}`)
    return true
  } catch {
    return false
  }
}
