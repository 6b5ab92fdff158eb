import type { ChatEvent } from '../../chat/event.ts'
import { type ExtraOrigin, type Extras, isOfAnother, type Message, withOrigin } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Layer } from '../../flow/chat.ts'
import type { Batch } from '../../flow/flow.ts'
import { map } from '../../flow/map.ts'

/**
 * Gives the extra fields of an answer their origin: the upstream and its model. Fields of a message with another origin are left
 * out, because a signature is valid only where it was made. It does nothing for a request that does not ask for it.
 */
export function bindExtra(upstream: string): Layer {
  return (next) => (request, call) => {
    if (!request.bindsExtra) return next(request, call)
    const origin = { upstream, model: request.model }
    return map(next(withOwnExtra(request, origin), call), (batch) => boundTo(origin, batch))
  }
}

/** Returns the request itself if nothing is left out, because only then an upstream of its dialect gets its own body. */
function withOwnExtra(request: ChatRequest, origin: ExtraOrigin): ChatRequest {
  const { native } = request
  if (native?.hasExtra === false && native.isIntact(request)) return request
  const messages = request.messages.map((message) => ownOf(message, origin))
  return messages.every((message, at) => message === request.messages[at]) ? request : { ...request, messages }
}

function ownOf(message: Message, origin: ExtraOrigin): Message {
  const { content } = message
  const isOwn = content.every(({ extra }) => !extra || !isOfAnother(extra, origin))
  const own = isOwn ? message : { ...message, content: content.map((part) => withoutForeign(part, origin)) }
  return withoutForeign(own, origin)
}

/** Removes the fields of another origin. */
function withoutForeign<Carrier extends { readonly extra?: Extras }>(carrier: Carrier, origin: ExtraOrigin): Carrier {
  const { extra } = carrier
  return extra && isOfAnother(extra, origin) ? { ...carrier, extra: {} } : carrier
}

/** A changed event does not say what its native chunk says. */
function boundTo(origin: ExtraOrigin, batch: Batch): Batch {
  if (!batch.some((event) => 'extra' in event && event.extra)) return batch
  return batch.map((event): ChatEvent => {
    const { native: _, ...own } = event
    return 'extra' in own && own.extra ? { ...own, extra: withOrigin(own.extra, origin) } : own
  })
}
