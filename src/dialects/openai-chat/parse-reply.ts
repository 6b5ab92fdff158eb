import type { Native, Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { unknownReply } from '../../chat/reply-errors.ts'
import { isFields } from '../fields.ts'
import { errorInside } from './complaint.ts'
import { dialect } from './dialect.ts'
import { usageIn } from './usage.ts'
import { choicesIn, readChoice, type WireChoice } from './wire-reply.ts'

/** What the gateway reads from a chunk or from a complete reply. */
export interface ParsedReply {
  readonly choices: readonly WireChoice[]
  readonly usage: Usage | undefined
  /** The unchanged reply. */
  readonly native: Native
}

/**
 * @param json the JSON that the reply was parsed from
 * @throws ChatError if the value is an error, or is neither an error nor a reply
 */
export function parseReply(value: unknown, form: Native['form'], json?: string): ParsedReply {
  if (!isFields(value)) throw hasError(value) ? errorInside(value) : unknownReply()
  const { error, object, x_groq } = value
  if (reportsError(error) || object === 'error') throw errorInside(value)
  if (isFields(x_groq) && reportsError(x_groq.error)) throw errorInside(x_groq.error)
  const choices = choicesIn(value.choices)
  for (const choice of choices) if (reportsError(choice.error)) throw errorInside(choice.error)
  return {
    choices: choices.map((choice) => readChoice(choice, form)),
    usage: usageIn(value, choices),
    native: nativeOf(value, form, json),
  }
}

function nativeOf(value: Fields, form: Native['form'], json: string | undefined): Native {
  if (value.error) return { dialect, form, value: withoutError(value) }
  return { dialect, form, value, ...(json !== undefined && { json }) }
}

/** Removes `error`, because the official client for Node throws even if it is empty. */
function withoutError({ error: _, ...value }: Fields): Fields {
  return value
}

/** Whether the value is an object with an error, or a list that begins with one. Gemini sends such a list. */
function hasError(value: unknown): boolean {
  return Array.isArray(value) ? hasError(value[0]) : isFields(value) && reportsError(value.error)
}

/** Whether the value of an `error` field reports an error. An empty object reports none. */
function reportsError(error: unknown): boolean {
  return typeof error === 'object' && error !== null ? Object.keys(error).length > 0 : Boolean(error)
}
