import type { Caller } from '../../../chat/caller.ts'
import { ChatError } from '../../../chat/error.ts'
import type { Fields } from '../../../chat/message.ts'
import type { StoredResponses } from '../../../conversations/stored-responses.ts'
import { isFields } from '../../../dialects/fields.ts'
import { textIn } from '../../../dialects/invalid-request.ts'
import { itemsIn } from '../../../dialects/openai-responses/decode-request.ts'

/** The items of a request, and those of the responses before it. */
export interface Conversation {
  readonly earlier: readonly unknown[]
  readonly items: readonly unknown[]
  readonly previous: string | undefined
}

/** Where earlier responses are found. */
export interface Memory {
  readonly responses: StoredResponses
  readonly caller: Caller
}

/**
 * Finds what a request refers to: the response before it, and single items.
 * @throws ChatError `invalid-request` for an unknown response; an unknown item is left in its place, for the decoder to refuse
 */
export async function recall(body: Fields, memory: Memory): Promise<Conversation> {
  const { responses, caller } = memory
  const { previous_response_id: named } = body
  const previous = named === undefined || named === null ? undefined : textIn(body, 'previous_response_id', [])
  const earlier = previous === undefined ? [] : await responses.history(caller, previous)
  if (!earlier) throw unknownPrevious(previous ?? '')
  const items = await Promise.all(itemsIn(body).map((item) => resolved(item, memory)))
  return { earlier, items, previous }
}

/** A reference needs no type: its only member is the id. */
async function resolved(item: unknown, { responses, caller }: Memory): Promise<unknown> {
  if (!isFields(item) || typeof item.id !== 'string') return item
  const isReference = item.type === 'item_reference' || (item.type === undefined && item.role === undefined)
  return isReference ? ((await responses.item(caller, item.id)) ?? item) : item
}

function unknownPrevious(id: string): ChatError {
  return new ChatError('invalid-request', {
    message: `Previous response with id '${id.slice(0, 100)}' not found. Send the whole conversation in "input".`,
    code: 'previous_response_not_found',
    param: 'previous_response_id',
  })
}
