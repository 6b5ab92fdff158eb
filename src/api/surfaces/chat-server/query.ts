import { ChatError } from '../../../chat/error.ts'
import type { Exchange } from '../../exchange/exchange.ts'

/** A parameter of the query; undefined where it is not there. A URL may be a bare path here. */
export function queryOf({ request }: Exchange, name: string): string | undefined {
  const at = request.url.indexOf('?')
  return at === -1 ? undefined : (new URLSearchParams(request.url.slice(at + 1)).get(name) ?? undefined)
}

/** `limit`, a whole number from 1. @throws ChatError `invalid-request` */
export function limitOf(exchange: Exchange, most: number): number {
  const text = queryOf(exchange, 'limit')
  if (text === undefined) return most
  if (/^[1-9]\d{0,5}$/.test(text)) return Math.min(Number(text), most)
  throw new ChatError('invalid-request', {
    message: `limit must be a whole number from 1 to ${most}.`,
    param: 'limit',
    code: 'invalid_value',
  })
}
