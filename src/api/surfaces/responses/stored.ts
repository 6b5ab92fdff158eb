import { ChatError } from '../../../chat/error.ts'
import type { Fields } from '../../../chat/message.ts'
import { isUnfinished, type StoredResponse } from '../../../conversations/stored-responses.ts'
import type { ChatHandler } from '../../exchange/answer-chat.ts'
import { answerJson, answerRequest, type JsonRequest, queryOf } from '../../exchange/answer-json.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { respondStream } from '../../exchange/respond.ts'
import type { Services } from '../../exchange/services.ts'
import { currentResponse } from './current.ts'
import { recordingOf } from './recording-name.ts'
import { replay } from './replay.ts'

/** `GET /v1/responses/{id}` */
export const retrieveResponse: ChatHandler = (exchange, services) =>
  queryOf(exchange, 'stream') === 'true' ? replayResponse(exchange, services) : showResponse(exchange, services)

const showResponse = answerJson(async (request, { caller, log }, services) => {
  return { body: (await current(request, { caller, log }, services)).response }
})

/** The events of a background response, those that come later included. */
const replayResponse = answerRequest(async (request, running) => {
  const { exchange, services, open } = running
  const { response } = await current(request, exchange, services)
  if (response.background !== true) throw notInBackground('stream', 'its events are not kept. Read it without "stream"')
  const after = numberIn(request.query('starting_after'))
  const options = { ...replay(idIn(request), after, running), keepAliveMs: services.keepAliveMs }
  return respondStream(exchange, open, options)
})

/** @throws ChatError `invalid-request` */
function numberIn(text: string | undefined): number {
  if (text === undefined) return -1
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new ChatError('invalid-request', {
    message: 'starting_after: must be the sequence_number of an event.',
    param: 'starting_after',
  })
}

/** `DELETE /v1/responses/{id}`. A response that is still being made is stopped. */
export const deleteResponse = answerJson(async (request, call, { responses, recordings }) => {
  const id = idIn(request)
  const key = recordingOf(call.caller, id)
  if (await recordings.isRunning(key)) await recordings.stop(key, call.signal)
  if (!(await responses.remove(call.caller, id))) throw unknownResponse(id)
  await recordings.remove(key)
  return { body: { id, object: 'response', deleted: true } }
})

/** `POST /v1/responses/{id}/cancel`. A response that has ended stays as it is. */
export const cancelResponse = answerJson(async (request, call, services) => {
  const found = await current(request, call, services)
  if (found.response.background !== true) throw notInBackground('id', 'close its connection to stop it')
  if (!isUnfinished(found.response)) return { body: found.response }
  await services.recordings.stop(recordingOf(call.caller, idIn(request)), call.signal)
  return { body: (await current(request, call, services)).response }
})

function notInBackground(param: string, remedy: string): ChatError {
  const message = `${param}: this response was not made with "background": ${remedy}.`
  return new ChatError('invalid-request', { message, param })
}

/** Limits of a page. */
const usualPage = 20
const maxPage = 100

/** `GET /v1/responses/{id}/input_items`, the newest first unless `order=asc` */
export const listInput = answerJson(async (request, call, services) => {
  const { input } = await current(request, call, services)
  const ordered = request.query('order') === 'asc' ? input : input.toReversed()
  const after = request.query('after')
  const from = after === undefined ? 0 : ordered.findIndex((item) => idOf(item) === after) + 1
  // from the beginning again, a client that pages would never end
  if (after !== undefined && from === 0) throw unknownItem(after)
  const limit = Number(request.query('limit') ?? usualPage)
  const data = ordered.slice(from, from + Math.min(Math.max(1, limit || usualPage), maxPage))
  return {
    body: {
      object: 'list',
      data,
      first_id: idOf(data[0]),
      last_id: idOf(data.at(-1)),
      has_more: from + data.length < ordered.length,
    } satisfies Fields,
  }
})

function idOf(item: unknown): string | null {
  return typeof item === 'object' && item !== null && 'id' in item ? String(item.id) : null
}

async function current(
  request: JsonRequest,
  whose: Pick<Exchange, 'caller' | 'log'>,
  services: Services,
): Promise<StoredResponse> {
  const id = idIn(request)
  const found = await currentResponse(id, whose, services)
  if (found) return found
  throw unknownResponse(id)
}

function idIn(request: JsonRequest): string {
  return request.param('id') ?? ''
}

function unknownItem(id: string): ChatError {
  return new ChatError('invalid-request', {
    message: `after: no item has the id '${id.slice(0, 100)}'.`,
    param: 'after',
  })
}

/** Returns the error for an unknown id. The id of another client's response gives the same error, which hides that it exists. */
function unknownResponse(id: string): ChatError {
  return new ChatError('not-found', { message: `Response with id '${id.slice(0, 100)}' not found.`, param: 'id' })
}
