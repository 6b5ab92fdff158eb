import { ChatError } from '../../../chat/error.ts'
import type { JsonRequest } from '../../exchange/answer-json.ts'

/** `limit` of the query, a whole number from 1. @throws ChatError `invalid-request` */
export function limitOf(request: JsonRequest, most: number): number {
  const text = request.query('limit')
  if (text === undefined) return most
  if (/^[1-9]\d{0,5}$/.test(text)) return Math.min(Number(text), most)
  throw new ChatError('invalid-request', {
    message: `limit must be a whole number from 1 to ${most}.`,
    param: 'limit',
    code: 'invalid_value',
  })
}
