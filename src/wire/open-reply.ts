import type { Cancel } from '../flow/cancel.ts'
import { plainBody } from './decompress.ts'
import { type BodySource, CountedReply, type ExchangeLink } from './http-body.ts'
import type { HttpLimits, HttpReply } from './http-reply.ts'
import { tapped } from './tapped-source.ts'

interface OpenReplyOptions {
  readonly link: ExchangeLink
  readonly signal: Cancel
  readonly limits?: HttpLimits | undefined
}

/** Opens the reply whose head has come. @throws ChatError if its body cannot be read */
export function openReply(source: BodySource, { link, signal: { runtime, tap }, limits }: OpenReplyOptions): HttpReply {
  const plain = plainBody(source)
  const options = { limits, receivedAt: runtime.now(), timers: runtime.timers, link }
  return new CountedReply(tap ? tapped(plain, tap) : plain, options)
}
