import type { Fields } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { spliceModel } from '../splice-model.ts'
import { encryptedReasoning, stored } from './encode-request.ts'
import { NativeResponse } from './native-response.ts'

/**
 * Returns the bytes of a request's own body, with the model's new name and what the gateway adds. It returns undefined if the
 * request was changed, or if something has to be left out. Then the request must be encoded.
 */
export function relayRequest(request: ChatRequest): readonly Uint8Array[] | undefined {
  const { native, model } = request
  if (!(native instanceof NativeResponse) || !native.bytes || !native.isIntact(request)) return undefined
  const added = addedTo(native.value, request.stream)
  return added === undefined
    ? undefined
    : spliceModel(native.bytes, { from: String(native.value.model), to: model, added })
}

/** What a body lacks, as JSON with a comma after each member; undefined if one of its members must be changed. */
function addedTo(body: Fields, stream: boolean): string | undefined {
  for (const name in body) if (body[name] === null || stored.includes(name)) return undefined
  const { include, store = false, stream: sent = stream } = body
  const asksForReasoning = Array.isArray(include) && include.includes(encryptedReasoning)
  if (store !== false || sent !== stream || (include !== undefined && !asksForReasoning)) return undefined
  const asked = include === undefined ? `"include":["${encryptedReasoning}"],` : ''
  return asked + ('store' in body ? '' : '"store":false,') + ('stream' in body ? '' : `"stream":${stream},`)
}
