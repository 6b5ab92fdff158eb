import { jsonPieces } from '../../chat/json-pieces.ts'
import type { PromptMember } from '../../chat/prompt.ts'
import { eachField, isObject } from './each-field.ts'

/** The hashes of a prompt. They say whether two prompts are equal, and where not, and have no text of either. */
export interface PromptPrint {
  /** The hash of the members' names. Only prints of the same shape can be compared. */
  readonly shape: number
  /** The number of items of each member. */
  readonly sizes: readonly number[]
  /** A hash for each item of all members. */
  readonly items: readonly number[]
  /** A hash for each field of all items. */
  readonly fields: readonly number[]
  /** The end of each item's fields. */
  readonly ends: readonly number[]
  /** The hash of the first item that the user said. */
  readonly firstOfUser: number
}

/** Limit for the items of a prompt that are compared, the first ones. */
const maxItems = 4_096
/** Limit for the fields of an item that are told apart. Its hash has them all. */
const maxFields = 64
/** Characters that are hashed whole, about a million tokens. After them only the beginning and the end of a text count. */
const maxCharacters = 4 * 1024 * 1024
const endCharacters = 4 * 1024

/** Makes the print of a prompt. Its time is linear in the prompt's length, and bounded. */
export function printPrompt(members: readonly PromptMember[]): PromptPrint {
  const writer = new PrintWriter()
  let shape = 0
  const sizes: number[] = []
  for (const { name, value } of members) {
    shape = mix(shape, hashName(name))
    sizes.push(writer.addMember(value))
  }
  return writer.print(shape, sizes)
}

/** Returns the hash of each field of an item, in their order. */
export function printFields(item: unknown): readonly number[] {
  const writer = new PrintWriter()
  writer.addMember([item])
  return writer.print(0, [1]).fields
}

class PrintWriter {
  readonly #items: number[] = []
  readonly #fields: number[] = []
  readonly #ends: number[] = []
  /** Characters that are still hashed whole. */
  #left = maxCharacters
  #item = 0
  #fieldCount = 0
  #firstOfUser: number | undefined

  /** @returns the number of its items */
  addMember(value: unknown): number {
    if (value === undefined || value === null) return 0
    const before = this.#items.length
    if (!Array.isArray(value)) this.#addItem(value)
    else for (let at = 0; at < value.length && this.#items.length < maxItems; at++) this.#addItem(value[at])
    return this.#items.length - before
  }

  print(shape: number, sizes: readonly number[]): PromptPrint {
    return {
      shape,
      sizes,
      items: this.#items,
      fields: this.#fields,
      ends: this.#ends,
      firstOfUser: this.#firstOfUser ?? this.#items.at(-(sizes.at(-1) ?? 0)) ?? 0,
    }
  }

  #addItem(item: unknown): void {
    this.#item = 0
    this.#fieldCount = 0
    eachField(item, this.#addField)
    this.#items.push(this.#item)
    this.#ends.push(this.#fields.length)
    if (this.#firstOfUser === undefined && isObject(item) && item.role === 'user') this.#firstOfUser = this.#item
  }

  readonly #addField = (name: string, index: number, inner: string, value: unknown): void => {
    const path = mix(mix(hashName(name), index), hashName(inner))
    const field = mix(path, typeof value === 'string' ? this.#hashText(value) : this.#hashValue(value))
    this.#item = mix(this.#item, field)
    if (this.#fieldCount++ < maxFields) this.#fields.push(field)
  }

  #hashText(text: string): number {
    const { length } = text
    if (length <= maxNameLength) return hashName(text)
    this.#left -= length
    if (this.#left >= 0 || length <= 2 * endCharacters) return mix(Bun.hash.crc32(text), length)
    const ends = mix(Bun.hash.crc32(text.slice(0, endCharacters)), Bun.hash.crc32(text.slice(-endCharacters)))
    return mix(ends, length)
  }

  #hashValue(value: unknown): number {
    if (typeof value !== 'object' || value === null) return hashName(String(value))
    let hash = 0
    for (const piece of jsonPieces(value)) hash = mix(hash, this.#hashText(withoutMarks(piece)))
    return hash
  }
}

/** Marks for a cache move from turn to turn, and are no part of the prompt. Anthropic, Prompt caching */
function withoutMarks(json: string): string {
  return json.includes('"cache_control"') ? json.replace(/,?"cache_control":(null|\{[^{}]*\})/g, '') : json
}

/** Mixes a hash into another. The order matters. */
export function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0x9e3779b1)
  return (Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b) + value) | 0
}

/** Longer texts are seldom seen twice. */
const maxNameLength = 24
const maxNames = 1_000
const hashes = new Map<string, number>()

/** Returns the hash of a short text, such as the name of a field or a role, which are few. */
function hashName(name: string): number {
  const known = hashes.get(name)
  if (known !== undefined) return known
  const hash = Bun.hash.crc32(name)
  if (hashes.size < maxNames) hashes.set(name, hash)
  return hash
}
