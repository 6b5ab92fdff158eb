/** What went wrong, by what the reader can do about it. */
export type Trouble =
  | 'unreachable'
  | 'wrongKey'
  | 'expired'
  | 'notAllowed'
  | 'noModel'
  | 'budget'
  | 'limit'
  | 'refused'
  | 'upstream'

/** An error as the gateway states it. */
interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
}

/** By the status, because the dialects have different words for one thing; by the code where the status is not enough. */
export function troubleOf({ status, code, message }: Refusal): Trouble {
  if (status === 0) return 'unreachable'
  if (status === 401) return 'wrongKey'
  if (status === 403) return refusedKey(code, message)
  if (status === 404) return 'noModel'
  if (status === 429) return /budget|quota/i.test(code + message) ? 'budget' : 'limit'
  return status < 500 ? 'refused' : 'upstream'
}

/** Messages has no codes, so there the gateway's own sentences tell them apart. */
function refusedKey(code: string, message: string): Trouble {
  if (code === 'key_expired' || message.includes('was valid until')) return 'expired'
  return code === 'invalid_api_key' || message.includes('wrong, or was revoked') ? 'wrongKey' : 'notAllowed'
}

/** The first text of an answer, whichever its dialect. */
export function textIn(answer: unknown): string {
  if (typeof answer !== 'object' || answer === null) return ''
  if ('text' in answer && typeof answer.text === 'string' && answer.text !== '') return answer.text
  if ('content' in answer && typeof answer.content === 'string') return answer.content
  const inner = ['choices', 'message', 'output', 'content'].flatMap((name) => {
    const value: unknown = new Map(Object.entries(answer)).get(name)
    return Array.isArray(value) ? value : [value]
  })
  for (const part of inner) {
    const text = textIn(part)
    if (text !== '') return text
  }
  return ''
}
