import { ChatError } from '../../../chat/error.ts'
import type { RelayedTask, RelayRequest } from '../../../chat/task.ts'
import { isFields } from '../../../dialects/fields.ts'
import {
  gatewayWishes,
  hasGatewayMembers,
  isGatewayMember,
  withoutGatewayMembers,
} from '../../../dialects/gateway-members.ts'
import { notABody, refusedBody, textIn } from '../../../dialects/invalid-request.ts'
import { spliceModel } from '../../../dialects/splice-model.ts'
import { boundaryOf, type FormField, findFields } from '../../../wire/multipart.ts'
import { answerBody, answerRead } from '../../exchange/answer-chat.ts'
import { type JsonBody, readAnyBody } from '../../exchange/read-body.ts'
import { respondRelay } from '../../exchange/respond.ts'
import type { RunningChat } from '../../exchange/services.ts'

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

/** The models that OpenAI asks if a request names none. OpenAI, Create moderation */
const usualModels: Readonly<Partial<Record<RelayedTask, string>>> = { moderation: 'omni-moderation-latest' }

/** Reads what the gateway needs of a JSON body. @throws ChatError `invalid-request` */
export function jsonRequest(task: RelayedTask, { value, bytes }: JsonBody): RelayRequest {
  if (!isFields(value)) throw notABody('"model"')
  const sent = modelIn(textIn({ model: value.model ?? usualModels[task] }, 'model', []))
  const isWhole = value.model === sent && !hasGatewayMembers(value)
  return {
    task,
    model: sent,
    stream: value.stream === true || value.stream_format === 'sse',
    contentType: 'application/json',
    ...gatewayWishes(value),
    body(model, added) {
      const spliced = isWhole && !added ? spliceModel(bytes, { from: sent, to: model }) : undefined
      return spliced ?? [Buffer.from(JSON.stringify({ ...withoutGatewayMembers(value), ...added, model }))]
    },
  }
}

/** Reads what the gateway needs of a form, without a copy of its file. @throws ChatError `invalid-request` */
function formRequest(task: RelayedTask, bytes: Uint8Array, headers: Headers): RelayRequest {
  const contentType = headers.get('content-type') ?? ''
  const boundary = boundaryOf(contentType)
  if (boundary === undefined) throw notAForm()
  const fields = findFields(bytes, boundary)
  const place = modelField(fields)
  const textOf = ({ from, to }: FormField) => Buffer.from(bytes.subarray(from, to)).toString('utf8')
  const stream = fields.find(({ name }) => name === 'stream')
  return {
    task,
    model: modelIn(textOf(place)),
    stream: stream !== undefined && textOf(stream) === 'true',
    contentType,
    body: (model) => formFor(model, bytes, fields),
  }
}

/** @throws ChatError `invalid-request` unless there is one: of two, some servers take the first and some the last */
function modelField(fields: readonly FormField[]): FormField {
  const [place, second] = fields.filter(({ name }) => name === 'model')
  if (!place) throw refusedBody({ path: ['model'], problem: 'is required', code: 'missing_required_parameter' })
  if (!second) return place
  throw refusedBody({ path: ['model'], problem: 'must be one field of the form, not two', code: 'invalid_value' })
}

/** A form with this name of the model, and without the fields that are meant for a gateway. */
function formFor(model: string, bytes: Uint8Array, fields: readonly FormField[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = []
  let at = 0
  for (const { name, start, from, to } of fields) {
    if (name === 'model') pieces.push(bytes.subarray(at, from), Buffer.from(model))
    else if (isGatewayMember(name)) pieces.push(bytes.subarray(at, start))
    else continue
    at = to
  }
  return [...pieces, bytes.subarray(at)]
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
