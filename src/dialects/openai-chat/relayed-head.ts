import type { Fields } from '../../chat/message.ts'
import { type JsonMember, membersIn } from '../json-members.ts'

/** The members of a chunk that are the same in the whole stream. */
export interface StreamHead {
  readonly id: string
  readonly object: string
  readonly created: number
  readonly model: string
}

export interface HeadOptions {
  readonly head: StreamHead
  /** Whether a chunk without usage must have `usage: null`. */
  readonly hasUsage: boolean
}

const own = ['id', 'object', 'created', 'model'] as const satisfies readonly (keyof StreamHead)[]
const nullUsage = ',"usage":null}'
/** Maximum length of a chunk whose members are searched one by one. */
const maxSearched = 64 * 1024

/**
 * Relays the JSON of chunks and replaces only the values of their head. The head is the text before the value of `choices`.
 * It is the same in nearly every chunk of a stream, so it is rewritten once.
 */
export class RelayedHead {
  readonly #theirs: string
  readonly #ours: string
  readonly #names: readonly string[]
  readonly #hasUsage: boolean
  /** Whether usage is a part of the head. */
  readonly #namesUsage: boolean

  private constructor(json: string, { members, chunk, ...options }: Rewriting) {
    this.#theirs = json.slice(0, members.at(-1)?.to)
    this.#ours = textBeforeMembers(json) + rewriteMembers(json, { members, chunk, ...options })
    this.#names = Object.keys(chunk)
    this.#hasUsage = options.hasUsage
    this.#namesUsage = members.some(({ name }) => name === 'usage')
  }

  /** Returns undefined if members after the head must change too. */
  static of(json: string, chunk: Fields, options: HeadOptions): RelayedHead | undefined {
    const members = membersIn(json, 'choices')
    if (members.at(-1)?.name !== 'choices') return undefined
    const before = new Set(members.map(({ name }) => name))
    const isAllBefore = own.every((name) => before.has(name) || !(name in chunk))
    return isAllBefore ? new RelayedHead(json, { members, chunk, ...options }) : undefined
  }

  /** Returns the chunk with our head; undefined if the chunk has another head or other members. */
  relay(json: string, chunk: Fields): string | undefined {
    if (!json.startsWith(this.#theirs) || !this.#hasNamesOf(chunk)) return undefined
    const rest = json.slice(this.#theirs.length)
    if (this.#hasUsage) return this.#ours + ('usage' in chunk ? rest : addNullUsage(rest))
    if (!('usage' in chunk) || this.#namesUsage) return this.#ours + rest
    return rest.endsWith(nullUsage) ? `${this.#ours}${rest.slice(0, -nullUsage.length)}}` : undefined
  }

  /** Whether the chunk has the same names in the same order. If not, its `model` may stand after its choices. */
  #hasNamesOf(chunk: Fields): boolean {
    let at = 0
    for (const name in chunk) if (name !== this.#names[at++]) return false
    return at === this.#names.length
  }
}

/** Replaces the members of the head wherever they stand. Returns undefined if the chunk is too long to be searched. */
export function replaceHead(json: string, chunk: Fields, options: HeadOptions): string | undefined {
  if (json.length > maxSearched) return undefined
  const members = membersIn(json)
  const text =
    textBeforeMembers(json) + rewriteMembers(json, { members, chunk, ...options }) + json.slice(members.at(-1)?.to ?? 0)
  return options.hasUsage && !('usage' in chunk) ? addNullUsage(text) : text
}

/** Returns the text before the first member. */
function textBeforeMembers(json: string): string {
  return json.slice(0, json.indexOf('{') + 1)
}

function addNullUsage(json: string): string {
  const end = json.lastIndexOf('}')
  return `${json.slice(0, end)}${nullUsage}${json.slice(end + 1)}`
}

interface Rewriting extends HeadOptions {
  readonly members: readonly JsonMember[]
  readonly chunk: Fields
}

/** Writes the members, and before them the members of the head that are missing. */
function rewriteMembers(json: string, { members, chunk, head, hasUsage }: Rewriting): string {
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
