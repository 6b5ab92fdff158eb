import type { Support } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { spliceModel } from '../splice-model.ts'
import { parametersIn } from './decode-parameters.ts'
import { NativeBody } from './native-body.ts'

/**
 * Returns the bytes of a request's own body, with the model's new name and, for a stream, the request for usage. It
 * returns undefined if the request was changed, or if the place of the model in the bytes is not certain. Then the request
 * must be encoded (docs/decisions/0046-requests-by-reference.md).
 * @param own the service's names of parameters that have only one name there
 */
export function relayRequest(request: ChatRequest, own: Support['names'] = {}): readonly Uint8Array[] | undefined {
  const { native, model, stream } = request
  if (!(native instanceof NativeBody) || !native.bytes || !native.isIntact(request)) return undefined
  if (isRenamed(request, own)) return undefined
  const { model: sent, stream_options: options } = native.value
  const added = stream && options === undefined ? '"stream_options":{"include_usage":true},' : ''
  return spliceModel(native.bytes, { from: String(sent), to: model, added })
}

/** Whether the service knows one of the sent parameters under another name. */
function isRenamed({ spelling }: ChatRequest, own: NonNullable<Support['names']>): boolean {
  return parametersIn(own).some((parameter) => parameter in spelling && spelling[parameter] !== own[parameter])
}
