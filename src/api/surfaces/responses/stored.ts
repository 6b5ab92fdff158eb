import type { Caller } from '../../../chat/caller.ts'
import { ChatError } from '../../../chat/error.ts'
import type { Fields } from '../../../chat/message.ts'
import type { StoredResponse, StoredResponses } from '../../../conversations/stored-responses.ts'
import { answerJson, type JsonRequest } from '../../exchange/answer-json.ts'

/** `GET /v1/responses/{id}` */
export const retrieveResponse = answerJson(async (request, { caller }, { responses }) => {
  if (request.query('stream') === 'true')
    throw new ChatError('unsupported', {
      message: 'stream: the events of a response are not kept. Read it without "stream".',
      param: 'stream',
    })
  return { body: (await stored(request, caller, responses)).response }
})

/** `DELETE /v1/responses/{id}` */
export const deleteResponse = answerJson(async (request, { caller }, { responses }) => {
  const id = idIn(request)
  if (!(await responses.remove(caller, id))) throw unknownResponse(id)
  return { body: { id, object: 'response', deleted: true } }
})

/** `POST /v1/responses/{id}/cancel`. It always refuses: a response is stored when it is complete. */
export const cancelResponse = answerJson(async (request, { caller }, { responses }) => {
  await stored(request, caller, responses)
  throw new ChatError('invalid-request', { message: 'This response is complete, so it cannot be cancelled.' })
})

/** Limits of a page. */
const usualPage = 20
const maxPage = 100

/** `GET /v1/responses/{id}/input_items`, the newest first unless `order=asc` */
export const listInput = answerJson(async (request, { caller }, { responses }) => {
  const { input } = await stored(request, caller, responses)
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

async function stored(request: JsonRequest, caller: Caller, responses: StoredResponses): Promise<StoredResponse> {
  const id = idIn(request)
  const found = await responses.find(caller, id)
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

/** Returns the error for an id without a response. Another client's response gives the same error, so that nobody learns that it exists. */
function unknownResponse(id: string): ChatError {
  return new ChatError('not-found', { message: `Response with id '${id.slice(0, 100)}' not found.`, param: 'id' })
}
