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
  readonly #members: number

  private constructor(theirs: string, ours: string, members: number) {
    this.#theirs = theirs
    this.#ours = ours
    this.#members = members
  }

  /** @param hasUsage whether every chunk is to say `usage: null`. Undefined where the head is not all that must change. */
  static of(json: string, chunk: Fields, { head, hasUsage }: HeadOptions): RelayedHead | undefined {
    const at = json.indexOf('"choices":')
    const members = Object.keys(chunk)
    const choicesAt = members.indexOf('choices')
    if (at === -1 || members.slice(choicesAt + 1).some((name) => own.includes(name))) return undefined
    const before = members.slice(0, choicesAt).filter((name) => name !== 'usage')
    const kept = Object.fromEntries(before.map((name) => [name, chunk[name]]))
    const ours = JSON.stringify({ ...kept, ...head, usage: hasUsage ? null : undefined })
    return new RelayedHead(json.slice(0, at), `${ours.slice(0, -1)},`, members.length)
  }

  /** The chunk with our head; undefined for one with another head, or with more to it. */
  relay(json: string, chunk: Fields): string | undefined {
    if (!json.startsWith(this.#theirs) || Object.keys(chunk).length !== this.#members) return undefined
    const rest = json.slice(this.#theirs.length)
    return this.#ours + (rest.endsWith(nullUsage) ? `${rest.slice(0, -nullUsage.length)}}` : rest)
  }
}
