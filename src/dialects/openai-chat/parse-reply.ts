import type { Native } from '../../chat/event.ts'
import { errorInside } from './complaint.ts'
import { dialect } from './dialect.ts'
import { isFields } from './fields.ts'
import { badResponse } from './reply-errors.ts'
import { WireReply } from './reply-schema.ts'

/** @throws ChatError for an error in place of a reply, or for anything that is none */
export function parseReply(value: unknown, form: Native['form']): { reply: WireReply; native: Native } {
  const parsed = WireReply.safeParse(value)
  if (!parsed.success || !isFields(value)) throw hasError(value) ? errorInside(value) : badResponse()
  const { error, object, x_groq } = parsed.data
  if (error || object === 'error') throw errorInside(value)
  if (x_groq?.error) throw errorInside(x_groq.error)
  return { reply: parsed.data, native: { dialect, form, value } }
}

/** Gemini wraps an error in a list. */
function hasError(value: unknown): boolean {
  return Array.isArray(value) ? hasError(value[0]) : isFields(value) && Boolean(value.error)
}
