import type { Native, Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { errorInside } from './complaint.ts'
import { dialect } from './dialect.ts'
import { isFields } from './fields.ts'
import { unknownReply } from './reply-errors.ts'
import { usageIn } from './usage.ts'
import { choicesIn, readChoice, type WireChoice } from './wire-reply.ts'

/** The readable parts of a chunk or of a whole completion. */
export interface ParsedReply {
  readonly choices: readonly WireChoice[]
  readonly usage: Usage | undefined
  /** The unchanged reply. */
  readonly native: Native
}

/**
 * @param json the JSON that the reply was parsed from
 * @throws ChatError for an error in place of a reply, or for a value that is not a reply
 */
export function parseReply(value: unknown, form: Native['form'], json?: string): ParsedReply {
  if (!isFields(value)) throw hasError(value) ? errorInside(value) : unknownReply()
  const { error, object, x_groq } = value
  if (saysError(error) || object === 'error') throw errorInside(value)
  if (isFields(x_groq) && saysError(x_groq.error)) throw errorInside(x_groq.error)
  const choices = choicesIn(value.choices)
  for (const choice of choices) if (saysError(choice.error)) throw errorInside(choice.error)
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

/** Removes `error`, because the official client for Node fails even at an empty one. */
function withoutError({ error: _, ...value }: Fields): Fields {
  return value
}

/** Gemini wraps an error in a list. */
function hasError(value: unknown): boolean {
  return Array.isArray(value) ? hasError(value[0]) : isFields(value) && saysError(value.error)
}

/** An empty error object means that there is no error. */
function saysError(error: unknown): boolean {
  return typeof error === 'object' && error !== null ? Object.keys(error).length > 0 : Boolean(error)
}
