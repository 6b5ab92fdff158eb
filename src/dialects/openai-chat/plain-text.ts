import { isFields } from './fields.ts'

export interface PlainText {
  readonly choice: number
  readonly text: string
}

/**
 * The text of a chunk that adds text to one choice and says nothing else, as nearly all do; undefined for any other, or
 * where something about it may need putting right. Reading it without a schema costs a fifth.
 */
export function plainTextIn(value: unknown): PlainText | undefined {
  if (
    !isFields(value) ||
    value.error ||
    (value.usage ?? null) !== null ||
    !Array.isArray(value.choices) ||
    value.choices.length !== 1
  )
    return undefined
  const choice: unknown = value.choices[0]
  if (!isFields(choice) || typeof choice.index !== 'number' || !saysTextOnly(choice)) return undefined
  const { delta } = choice
  if (!isFields(delta) || typeof delta.content !== 'string' || delta.content === '') return undefined
  for (const key in delta) {
    if (key !== 'content' && delta[key] !== null && (key !== 'role' || delta.role !== 'assistant')) return undefined
  }
  return delta.content.isWellFormed() ? { choice: choice.index, text: delta.content } : undefined
}

const silent = ['finish_reason', 'logprobs', 'message', 'error']

function saysTextOnly(choice: Readonly<Record<string, unknown>>): boolean {
  return silent.every((key) => (choice[key] ?? null) === null)
}
