import type { Fields } from '../../chat/message.ts'
import { type JsonMember, membersIn } from './json-members.ts'

/** What of a chunk is the same in the whole stream, under the client's names. */
export interface StreamHead {
  readonly id: string
  readonly object: string
  readonly created: number
  readonly model: string
}

export interface HeadOptions {
  readonly head: StreamHead
  /** Whether every chunk is to say `usage: null`, where it counts nothing. */
  readonly hasUsage: boolean
}

const own = ['id', 'object', 'created', 'model'] as const satisfies readonly (keyof StreamHead)[]
const nullUsage = ',"usage":null}'
/** Characters of a chunk that is looked through as a whole. */
const maxLookedThrough = 64 * 1024

/**
 * Relays chunks as the JSON they came as, with the values of their head replaced where they stand. The head, all that
 * stands before the value of `choices`, is the same text in nearly every chunk of a stream: it is translated once.
 */
export class RelayedHead {
  readonly #theirs: string
  readonly #ours: string
  readonly #names: readonly string[]
  readonly #hasUsage: boolean
  /** Whether usage stands in the head itself. */
  readonly #namesUsage: boolean

  private constructor(json: string, { members, chunk, ...options }: Rewriting) {
    this.#theirs = json.slice(0, members.at(-1)?.to)
    this.#ours = opening(json) + rewritten(json, { members, chunk, ...options })
    this.#names = Object.keys(chunk)
    this.#hasUsage = options.hasUsage
    this.#namesUsage = members.some(({ name }) => name === 'usage')
  }

  /** Undefined where the head is not all that must change. */
  static of(json: string, chunk: Fields, options: HeadOptions): RelayedHead | undefined {
    const members = membersIn(json, 'choices')
    if (members.at(-1)?.name !== 'choices') return undefined
    const before = new Set(members.map(({ name }) => name))
    const isAllBefore = own.every((name) => before.has(name) || !(name in chunk))
    return isAllBefore ? new RelayedHead(json, { members, chunk, ...options }) : undefined
  }

  /** The chunk with our head; undefined for one with another head, or with more to it. */
  relay(json: string, chunk: Fields): string | undefined {
    if (!json.startsWith(this.#theirs) || !this.#hasNamesOf(chunk)) return undefined
    const rest = json.slice(this.#theirs.length)
    if (this.#hasUsage) return this.#ours + ('usage' in chunk ? rest : withNullUsage(rest))
    if (!('usage' in chunk) || this.#namesUsage) return this.#ours + rest
    return rest.endsWith(nullUsage) ? `${this.#ours}${rest.slice(0, -nullUsage.length)}}` : undefined
  }

  /** The same names in the same order: a chunk that brings its `model` after its choices is not for us. */
  #hasNamesOf(chunk: Fields): boolean {
    let at = 0
    for (const name in chunk) if (name !== this.#names[at++]) return false
    return at === this.#names.length
  }
}

/** A chunk with its head replaced, wherever it stands; undefined for one that is too long to be looked through. */
export function withHead(json: string, chunk: Fields, options: HeadOptions): string | undefined {
  if (json.length > maxLookedThrough) return undefined
  const members = membersIn(json)
  const text = opening(json) + rewritten(json, { members, chunk, ...options }) + json.slice(members.at(-1)?.to ?? 0)
  return options.hasUsage && !('usage' in chunk) ? withNullUsage(text) : text
}

/** What stands before the first member. */
function opening(json: string): string {
  return json.slice(0, json.indexOf('{') + 1)
}

function withNullUsage(json: string): string {
  const end = json.lastIndexOf('}')
  return `${json.slice(0, end)}${nullUsage}${json.slice(end + 1)}`
}

interface Rewriting extends HeadOptions {
  readonly members: readonly JsonMember[]
  readonly chunk: Fields
}

/** The text of the members, with what they lack of the head before them. */
function rewritten(json: string, { members, chunk, head, hasUsage }: Rewriting): string {
  const missing = own.filter((name) => !(name in chunk))
  const kept = hasUsage ? members : members.filter(({ name }) => name !== 'usage')
  return [
    ...missing.map((name) => `${JSON.stringify(name)}:${JSON.stringify(head[name])}`),
    ...kept.map((member) => {
      const name = own.find((each) => each === member.name)
      if (name === undefined || chunk[name] === head[name]) return json.slice(member.from, member.to)
      return (
        json.slice(member.from, member.valueFrom) + JSON.stringify(head[name]) + json.slice(member.valueTo, member.to)
      )
    }),
  ].join(',')
}
