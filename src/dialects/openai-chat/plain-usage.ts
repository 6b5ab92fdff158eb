import type { Fields } from '../../chat/message.ts'
import { isFields } from '../fields.ts'

/** A usage object in OpenAI's own form, whose total is the sum of its two counts. */
export interface PlainUsage extends Fields {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
  readonly prompt_tokens_details?: { readonly cached_tokens?: number }
  readonly completion_tokens_details?: { readonly reasoning_tokens?: number }
}

/**
 * Whether a usage object needs no conversion: it has only members that OpenAI documents, all of them with counts that agree.
 * This check is a tenth of the work of reading every name that services give their counts.
 */
export function isPlainUsage(usage: Fields): usage is PlainUsage {
  const { prompt_tokens: input, completion_tokens: output, total_tokens: total } = usage
  if (!isCount(input) || !isCount(output) || input + output !== total) return false
  for (const name in usage) {
    switch (name) {
      case 'prompt_tokens':
      case 'completion_tokens':
      case 'total_tokens':
        break
      case 'prompt_tokens_details':
        if (!areDetails(usage[name], input)) return false
        break
      case 'completion_tokens_details':
        if (!areDetails(usage[name], output)) return false
        break
      default:
        return false
    }
  }
  return true
}

/** Whether these are documented shares of a count. OpenAI, Chat API reference, `usage` */
function areDetails(value: unknown, whole: number): boolean {
  if (!isFields(value)) return false
  for (const name in value) {
    const count = value[name]
    if (!shares.has(name) || !isCount(count) || count > whole) return false
  }
  return true
}

const shares: ReadonlySet<string> = new Set([
  'cached_tokens',
  'audio_tokens',
  'reasoning_tokens',
  'accepted_prediction_tokens',
  'rejected_prediction_tokens',
  'text_tokens',
  'image_tokens',
])

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
