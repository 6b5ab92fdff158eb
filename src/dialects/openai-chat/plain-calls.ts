import type { Fields } from '../../chat/message.ts'
import { hasOnly, isFields } from '../fields.ts'

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

/** Whether a tool call of a whole message has the documented form: no member is missing, and there is no other. */
export function isDocumentedCall(call: unknown): call is PlainCall {
  if (!isFields(call) || call.type !== 'function' || !isText(call.id) || !isFields(call.function)) return false
  if (!hasOnly(call, callMembers) || !hasOnly(call.function, functionMembers)) return false
  return isText(call.function.name) && isText(call.function.arguments)
}

const callMembers: ReadonlySet<string> = new Set(['id', 'type', 'function'])
const functionMembers: ReadonlySet<string> = new Set(['name', 'arguments'])

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

/** Whether a call needs no repair. */
function isPlainCall(call: unknown): call is PlainCall {
  if (!isDocumentedCall(call)) return false
  const { name, arguments: json } = call.function
  return call.id !== '' && name !== '' && json !== '' && json.isWellFormed()
}
