import type { Fields } from '../../chat/message.ts'

/** Gets a field of an item: `content[2].text` has the name `content`, the index 2 and the inner name `text`. */
export type NoteField = (name: string, index: number, inner: string, value: unknown) => void

/** The index of a field that is in no list. */
export const noIndex = -1

/** Members that are no part of a prompt: the marks of a cache move, and ids and states of items name what was received before. */
const idle: ReadonlySet<string> = new Set(['cache_control', 'id', 'status'])
/** The types of texts. A text says the same with each of them, and as a string. */
const textTypes: ReadonlySet<unknown> = new Set(['text', 'input_text', 'output_text'])

/**
 * Calls `note` for each field of a message or a tool that a model reads. The parts of a list, and an object with a name, such as
 * `function`, have fields of their own.
 */
export function eachField(item: unknown, note: NoteField): void {
  if (!isObject(item)) {
    note('', noIndex, '', item)
    return
  }
  for (const name in item) {
    const value = item[name]
    if (value === undefined || value === null || idle.has(name) || (name === 'type' && value === 'message')) continue
    if (Array.isArray(value)) for (let at = 0; at < value.length; at++) notePart(name, at, value[at], note)
    else if (isObject(value) && 'name' in value) notePart(name, noIndex, value, note)
    else if (name === 'content') note(name, 0, 'text', value)
    else note(name, noIndex, '', value)
  }
}

function notePart(name: string, index: number, part: unknown, note: NoteField): void {
  if (!isObject(part)) {
    note(name, index, '', part)
    return
  }
  for (const inner in part) {
    const value = part[inner]
    if (value === undefined || value === null || inner === 'cache_control') continue
    if (inner !== 'type' || !textTypes.has(value)) note(name, index, inner, value)
  }
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
