import type { Fields } from '../../chat/message.ts'
import { isFields } from './fields.ts'

/** A tool call of a whole message in the documented form. */
export interface PlainCall extends Fields {
  readonly id: string
  readonly function: { readonly name: string; readonly arguments: string }
}

/** With 128 choices, these are as many as one reply may have. Longer lists are counted by the full reader. */
const maxPlainCalls = 8
const noCalls: readonly PlainCall[] = []

/** Returns the tool calls of a whole message; undefined if one of them may need a repair, or has another member. */
export function plainCallsIn(value: unknown): readonly PlainCall[] | undefined {
  if (value === undefined || value === null) return noCalls
  if (!Array.isArray(value) || value.length > maxPlainCalls) return undefined
  const calls: PlainCall[] = []
  for (const call of value) {
    if (!isPlainCall(call) || calls.some(({ id }) => id === call.id)) return undefined
    calls.push(call)
  }
  return calls
}

function isPlainCall(call: unknown): call is PlainCall {
  if (!isFields(call) || call.type !== 'function' || !isText(call.id) || !isFields(call.function)) return false
  for (const name in call) if (!callMembers.has(name)) return false
  const { name: called, arguments: json } = call.function
  for (const name in call.function) if (name !== 'name' && name !== 'arguments') return false
  return isText(called) && isText(json) && json.isWellFormed()
}

const callMembers: ReadonlySet<string> = new Set(['id', 'type', 'function'])

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
