import { ChatError } from '../../../chat/error.ts'
import type { RelayedTask, RelayRequest } from '../../../chat/task.ts'
import { isFields } from '../../../dialects/fields.ts'
import { notABody, refusedBody, textIn } from '../../../dialects/invalid-request.ts'
import { spliceModel } from '../../../dialects/splice-model.ts'
import { boundaryOf, findFields } from '../../../wire/multipart.ts'
import { answerBody, answerRead, type RunningChat } from '../../exchange/answer-chat.ts'
import { type JsonBody, readAnyBody } from '../../exchange/read-body.ts'
import { respondRelay } from '../../exchange/respond.ts'

/** Makes a handler that relays a JSON body as it is. Only the name of the model changes. */
export function relayJson(task: RelayedTask) {
  return answerBody((body) => jsonRequest(task, body), relay)
}

/** Makes a handler that relays a form with a file as it is. Only the name of the model changes. */
export function relayForm(task: RelayedTask) {
  return answerRead(readAnyBody, (body, { request }) => formRequest(task, body, request.headers), relay)
}

/** Responds with the upstream's reply. */
function relay(request: RelayRequest, { exchange, open, services }: RunningChat): Promise<Response> {
  const answer = services.gateway.relay(request, open.call)
  // from here on the gateway writes the request's log line
  exchange.isLogged = true
  return respondRelay(exchange, open, answer)
}

/** Reads what the gateway needs of a JSON body. @throws ChatError `invalid-request` */
export function jsonRequest(task: RelayedTask, { value, bytes }: JsonBody): RelayRequest {
  if (!isFields(value)) throw notABody('"model"')
  const sent = modelIn(textIn(value, 'model', []))
  return {
    task,
    model: sent,
    stream: value.stream === true || value.stream_format === 'sse',
    contentType: 'application/json',
    body(model) {
      return spliceModel(bytes, { from: sent, to: model }) ?? [Buffer.from(JSON.stringify({ ...value, model }))]
    },
  }
}

/** Reads what the gateway needs of a form, without a copy of its file. @throws ChatError `invalid-request` */
function formRequest(task: RelayedTask, bytes: Uint8Array, headers: Headers): RelayRequest {
  const contentType = headers.get('content-type') ?? ''
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) throw notAForm()
  const fields = findFields(bytes, boundary)
  const place = fields.get('model')
  if (!place) throw refusedBody({ path: ['model'], problem: 'is required', code: 'missing_required_parameter' })
  const textOf = ({ from, to }: typeof place) => Buffer.from(bytes.subarray(from, to)).toString('utf8')
  const stream = fields.get('stream')
  return {
    task,
    model: modelIn(textOf(place)),
    stream: stream !== undefined && textOf(stream) === 'true',
    contentType,
    body: (model) => [bytes.subarray(0, place.from), Buffer.from(model), bytes.subarray(place.to)],
  }
}

function modelIn(text: string): string {
  const model = text.trim()
  if (model !== '') return model
  throw refusedBody({ path: ['model'], problem: 'must not be empty', code: 'invalid_value' })
}

function notAForm(): ChatError {
  return new ChatError('unsupported-media', {
    message: 'The body must be a form. Send "content-type: multipart/form-data" with its boundary.',
  })
}
