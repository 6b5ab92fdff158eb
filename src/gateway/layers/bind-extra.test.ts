import { expect, test } from 'bun:test'
import type { ChatEvent } from '../../chat/event.ts'
import { type Message, withOrigin } from '../../chat/message.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Chat } from '../../flow/chat.ts'
import { readAll, readyFlow } from '../../flow/flow.double.ts'
import { aCall, aRequest, finish, text } from '../chat.double.ts'
import { bindExtra } from './bind-extra.ts'

const extra = { theirs: { signature: 's' } }
const own = withOrigin(extra, { upstream: 'a', model: 'm' })
const native = { dialect: 'theirs', form: 'chunk', value: {} } as const
const thought: ChatEvent = { type: 'reasoning', choice: 0, part: 0, text: 'Hm.', extra, native }
const request: ChatRequest = { ...aRequest, model: 'm', bindsExtra: true }

/** Asks an upstream that answers with a batch. */
async function ask(asked: ChatRequest, batch: readonly ChatEvent[] = [text('hi'), finish()], upstream = 'a') {
  const requests: ChatRequest[] = []
  const chat: Chat = (received) => {
    requests.push(received)
    return readyFlow<ChatEvent>(batch)
  }
  const { batches } = await readAll(bindExtra(upstream)(chat)(asked, aCall()))
  return { batches, messages: requests[0]?.messages }
}

test('extra fields get their origin, and their event says no more what its chunk says', async () => {
  const { native: _, ...bare } = thought
  expect((await ask(request, [thought, finish()])).batches).toEqual([[{ ...bare, extra: own }, finish()]])
})

test('a request that does not ask for it is not changed', async () => {
  const asked = { ...request, bindsExtra: false }
  expect((await ask(asked, [thought])).batches).toEqual([[thought]])
  expect((await ask(asked)).messages).toBe(asked.messages)
})

const answer: Message = { role: 'assistant', content: [{ type: 'reasoning', text: 'Hm.', extra: own }], extra: own }

test('fields come back to their own upstream and model, and to no other', async () => {
  const messages = [...aRequest.messages, answer]
  expect((await ask({ ...request, messages })).messages).toEqual(messages)
  const without = [
    ...aRequest.messages,
    { ...answer, content: [{ type: 'reasoning', text: 'Hm.', extra: {} }], extra: {} },
  ]
  expect<unknown>((await ask({ ...request, messages }, undefined, 'b')).messages).toEqual(without)
  expect<unknown>((await ask({ ...request, model: 'other', messages })).messages).toEqual(without)
})

test('fields without an origin are left as they are', async () => {
  const messages: readonly Message[] = [{ role: 'assistant', content: [{ type: 'reasoning', text: 'Hm.', extra }] }]
  expect((await ask({ ...request, messages })).messages).toEqual(messages)
})
