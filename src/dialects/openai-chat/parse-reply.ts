import type { Native, Usage } from '../../chat/event.ts'
import type { Fields } from '../../chat/message.ts'
import { errorInside } from './complaint.ts'
import { dialect } from './dialect.ts'
import { isFields } from './fields.ts'
import { badResponse } from './reply-errors.ts'
import { usageIn } from './usage.ts'
import { choicesIn, readChoice, type WireChoice } from './wire-reply.ts'

/** A chunk of a stream or a whole completion, as far as it can be understood. */
export interface ParsedReply {
  readonly choices: readonly WireChoice[]
  readonly usage: Usage | undefined
  /** As it came. */
  readonly native: Native
}

/**
 * @param json what the reply was parsed from
 * @throws ChatError for an error in place of a reply, or for anything that is none
 */
export function parseReply(value: unknown, form: Native['form'], json?: string): ParsedReply {
  if (!isFields(value)) throw hasError(value) ? errorInside(value) : badResponse()
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

/** The official client for Node fails at any `error` that is there, be it an empty object. */
function withoutError({ error: _, ...value }: Fields): Fields {
  return value
}

/** Gemini wraps an error in a list. */
function hasError(value: unknown): boolean {
  return Array.isArray(value) ? hasError(value[0]) : isFields(value) && saysError(value.error)
}

/** An empty one says that there is none. */
function saysError(error: unknown): boolean {
  return typeof error === 'object' && error !== null ? Object.keys(error).length > 0 : Boolean(error)
}
