import type { Fields } from '../../chat/message.ts'
import type { PromptMember } from '../../chat/prompt.ts'
import { eachField, isObject, noIndex } from './each-field.ts'
import { type PromptPrint, printFields } from './print-prompt.ts'

/** The first place at which a prompt differs from an earlier one. */
export interface Difference {
  /** The index of the member, and of the item in it. */
  readonly member: number
  readonly index: number
  /** The number of equal items before it. */
  readonly common: number
}

/** Compares a prompt with an earlier one. Returns undefined if it begins with all of the earlier one. */
export function differenceOf(earlier: PromptPrint, now: PromptPrint): Difference | undefined {
  let start = 0
  const last = now.sizes.length - 1
  for (const [member, size] of now.sizes.entries()) {
    const before = earlier.sizes[member] ?? 0
    const both = Math.min(before, size)
    for (let index = 0; index < both; index++)
      if (earlier.items[start + index] !== now.items[start + index]) return { member, index, common: start + index }
    if (before > size || (before < size && member < last)) return { member, index: both, common: start + both }
    start += size
  }
  return undefined
}

/**
 * Whether a difference breaks the cache of a conversation. The conversation goes on after what it said last, but something before that
 * is not what it was. A client that asks for another answer, or edits its last question, drops what follows instead
 * (docs/decisions/0076-cache-breaks.md).
 */
export function isBreak(earlier: PromptPrint, now: PromptPrint, { member, index }: Difference): boolean {
  const { items, sizes } = now
  const isInLast = member === sizes.length - 1
  const from = items.length - (sizes.at(-1) ?? 0) + (isInLast ? index : 0)
  const at = items.indexOf(earlier.items.at(-1) ?? 0, from)
  return (earlier.sizes.at(-1) ?? 0) > 0 && at !== -1 && at < items.length - 1
}

/** Whether the last message of a conversation was rewritten, and the conversation went on after it. */
export function isRewritten(earlier: PromptPrint, members: readonly PromptMember[], difference: Difference): boolean {
  const list = members.at(-1)?.value
  const before = earlier.sizes.at(-1) ?? 0
  if (difference.member !== members.length - 1 || difference.index !== before - 1 || !Array.isArray(list)) return false
  const item: unknown = list[difference.index]
  // an answer that the client had begun itself is longer now
  return list.length > before && isObject(item) && typeof item.role === 'string' && item.role !== 'assistant'
}

/** Returns the path of a difference in the client's own body, such as `tools[3].function.parameters`. */
export function pathOf(earlier: PromptPrint, members: readonly PromptMember[], difference: Difference): string {
  const { name, value, earlier: stored = 0 } = members[difference.member] ?? { name: '', value: undefined }
  const before = earlier.sizes[difference.member] ?? 0
  const isGone = value === undefined || value === null || (Array.isArray(value) && value.length === 0)
  if (isGone || before === 0) return name
  if (!Array.isArray(value)) return name + placeIn(value, fieldsAt(earlier, difference.common))
  if (difference.index < stored) return 'previous_response_id'
  const path = `${name}[${difference.index - stored}]`
  const isBoth = difference.index < Math.min(before, value.length)
  return isBoth ? path + placeIn(value[difference.index], fieldsAt(earlier, difference.common)) : path
}

function fieldsAt({ fields, ends }: PromptPrint, item: number): readonly number[] {
  return fields.slice(ends[item - 1] ?? 0, ends[item])
}

/** Fields that say which item it is. If one of them differs, the item was added, or the one before it was taken out. */
const identities: ReadonlySet<string> = new Set(['.role', '.type', '.name', '.function.name'])

/** Returns the first field of an item that it did not have before; nothing if it is another item, or only lacks a field. */
function placeIn(item: unknown, before: readonly number[]): string {
  const paths: string[] = []
  eachField(item, (name, index, inner) => paths.push(fieldPath(item, { name, index, inner })))
  const at = printFields(item).findIndex((field) => !before.includes(field))
  const path = paths[at] ?? ''
  return identities.has(path) ? '' : path
}

interface FieldPlace {
  readonly name: string
  readonly index: number
  readonly inner: string
}

function fieldPath(item: unknown, { name, index, inner }: FieldPlace): string {
  if (!isPlain(name)) return ''
  const isString = isObject(item) && typeof own(item, name) === 'string'
  const path = `.${name}${index === noIndex || isString ? '' : `[${index}]`}`
  return isPlain(inner) && !isString ? `${path}.${inner}` : path
}

function own(item: Fields, name: string): unknown {
  return item[name]
}

/** Whether a name can stand in a header. Clients may send any. */
function isPlain(name: string): boolean {
  return /^[\w$-]{1,64}$/.test(name)
}
