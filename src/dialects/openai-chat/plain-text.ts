import { isFields } from '../fields.ts'

export interface PlainText {
  readonly choice: number
  readonly text: string
}

/**
 * Returns the text of a chunk that only adds text to one choice, as most chunks do. Returns undefined for any other chunk,
 * and for one that may need a repair. This fast path takes a fifth of the time of the full reader.
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

const absentMembers = ['finish_reason', 'logprobs', 'message', 'error']

function saysTextOnly(choice: Readonly<Record<string, unknown>>): boolean {
  return absentMembers.every((key) => (choice[key] ?? null) === null)
}
