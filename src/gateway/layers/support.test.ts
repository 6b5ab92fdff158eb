import { expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { Message, Part } from '../../chat/message.ts'
import type { Support } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Chat } from '../../flow/chat.ts'
import { aCall, aRequest, chatOf, drain, finish } from '../chat.double.ts'
import { support } from './support.ts'

async function asked(taken: Support, request: Partial<ChatRequest>) {
  const seen: ChatRequest[] = []
  const chat: Chat = chatOf(async function* (arrived) {
    seen.push(arrived)
    yield finish()
  })
  const call = aCall()
  await drain(support('groq', taken)(chat)({ ...aRequest, ...request }, call))
  return { request: seen[0], receipt: Object.fromEntries(call.receipt.parameters) }
}

test('an upstream gets what it takes, and the receipt says what became of each parameter by the client’s name', async () => {
  const { request, receipt } = await asked(
    { parameters: { temperature: 'honoured', maxTokens: 'mapped', choices: 'emulated' } },
    {
      parameters: { temperature: 1, maxTokens: 5, choices: 2, seed: 7 },
      spelling: { temperature: 'temperature', maxTokens: 'max_completion_tokens', choices: 'n', seed: 'seed' },
    },
  )
  expect(request?.parameters).toEqual({ temperature: 1, maxTokens: 5, choices: 2 })
  expect(receipt).toEqual({ temperature: 'honoured', max_completion_tokens: 'mapped', n: 'emulated', seed: 'dropped' })
})

test('unknown fields are honoured where the upstream speaks their dialect, else dropped', async () => {
  const extra = { 'openai-chat': { top_k: 5 } }
  expect((await asked({ parameters: {}, extraOf: 'openai-chat' }, { extra })).receipt).toEqual({ top_k: 'honoured' })
  expect((await asked({ parameters: {}, extraOf: 'other' }, { extra })).receipt).toEqual({ top_k: 'dropped' })
})

test('tools and a response format are refused rather than dropped, by the client’s own name', async () => {
  const refused = (parameters: ChatRequest['parameters'], spelling: ChatRequest['spelling']) =>
    asked({ parameters: {} }, { parameters, spelling }).catch((thrown: unknown) => thrown)
  await expect(refused({ tools: [{ type: 'function', name: 'f' }] }, {})).resolves.toMatchObject({
    reason: 'unsupported',
    param: 'tools',
  })
  const format = refused({ responseFormat: { type: 'json' } }, { responseFormat: 'response_format' })
  await expect(format).resolves.toBeInstanceOf(ChatError)
  await expect(format).resolves.toMatchObject({ reason: 'unsupported', param: 'response_format' })
})

test('an empty list of tools and a format of plain text ask for nothing, and are dropped', async () => {
  const { request, receipt } = await asked(
    { parameters: {} },
    {
      parameters: { tools: [], responseFormat: { type: 'text' } },
      spelling: { tools: 'tools', responseFormat: 'response_format' },
    },
  )
  expect(request?.parameters).toEqual({})
  expect(receipt).toEqual({ tools: 'dropped', response_format: 'dropped' })
})

test('functions under their older name are tools: refused where only that dialect knows them, unless there are none', async () => {
  const functions = [{ name: 'weather' }]
  const refused = asked({ parameters: { tools: 'honoured' } }, { extra: { 'openai-chat': { functions } } }).catch(
    (thrown: unknown) => thrown,
  )
  await expect(refused).resolves.toMatchObject({ reason: 'unsupported', param: 'functions' })
  const none = await asked({ parameters: {} }, { extra: { 'openai-chat': { functions: [] } } })
  expect(none.receipt).toEqual({ functions: 'dropped' })
  const taken = await asked({ parameters: {}, extraOf: 'openai-chat' }, { extra: { 'openai-chat': { functions } } })
  expect(taken.request?.extra).toEqual({ 'openai-chat': { functions } })
})

test('a number beyond a range and a word it does not know become the nearest, and are mapped; the others are honoured', async () => {
  const taken: Support = {
    parameters: { temperature: 'honoured', topP: 'honoured', reasoningEffort: 'honoured' },
    ranges: { temperature: { min: 0, max: 1.5 }, topP: { min: 0, max: 1 } },
    words: { reasoningEffort: { low: 'none' } },
  }
  const spelling = { temperature: 'temperature', topP: 'top_p', reasoningEffort: 'reasoning_effort' }
  const wide = await asked(taken, { parameters: { temperature: 2, topP: 0.5, reasoningEffort: 'low' }, spelling })
  expect(wide.request?.parameters).toEqual({ temperature: 1.5, topP: 0.5, reasoningEffort: 'none' })
  expect(wide.receipt).toEqual({ temperature: 'mapped', top_p: 'honoured', reasoning_effort: 'mapped' })
  const fitting = await asked(taken, {
    parameters: { temperature: 1.5, reasoningEffort: 'high' },
    spelling: { ...spelling },
  })
  expect(fitting.request?.parameters).toEqual({ temperature: 1.5, reasoningEffort: 'high' })
  expect(fitting.receipt).toMatchObject({ temperature: 'honoured', reasoning_effort: 'honoured' })
})

test('a name is mapped only where it is another', async () => {
  const taken: Support = { parameters: { maxTokens: 'mapped' }, names: { maxTokens: 'max_tokens' } }
  const receiptOf = async (name: string) =>
    (await asked(taken, { parameters: { maxTokens: 5 }, spelling: { maxTokens: name } })).receipt
  expect(await receiptOf('max_completion_tokens')).toEqual({ max_completion_tokens: 'mapped' })
  expect(await receiptOf('max_tokens')).toEqual({ max_tokens: 'honoured' })
})

test('what some models do not take is dropped for them, and fields of the dialect that the upstream lacks for all', async () => {
  const taken: Support = {
    parameters: { stop: 'honoured', seed: 'honoured' },
    extraOf: 'openai-chat',
    lacksFields: ['logit_bias'],
    exceptions: [{ models: /reasoner/, lacks: ['stop'] }],
  }
  const request = {
    parameters: { stop: ['x'], seed: 1 },
    spelling: { stop: 'stop', seed: 'seed' },
    extra: { 'openai-chat': { logit_bias: {}, top_k: 1 } },
  }
  expect((await asked(taken, { ...request, model: 'a-reasoner' })).receipt).toEqual({
    stop: 'dropped',
    seed: 'honoured',
    logit_bias: 'dropped',
    top_k: 'honoured',
  })
  expect((await asked(taken, { ...request, model: 'another' })).receipt).toMatchObject({ stop: 'honoured' })
})

test('what only the client’s dialect may understand is refused elsewhere by its name, unless it would be dropped anyway', async () => {
  const unread = [
    {
      param: 'metadata',
      message: 'metadata: must be an object, not a number.',
      code: 'invalid_type',
      parameter: 'metadata',
    },
    { param: 'seed', message: 'seed: must be a whole number.', code: 'invalid_type', parameter: 'seed' },
  ] as const
  const sent = { metadata: { raw: 5, read: undefined }, seed: { raw: 1.5, read: undefined } }
  const spelling = { metadata: 'metadata', seed: 'seed' }
  const refused = asked({ parameters: { seed: 'honoured' } }, { unread, sent, spelling }).catch(
    (thrown: unknown) => thrown,
  )
  await expect(refused).resolves.toMatchObject({ reason: 'unsupported', param: 'seed', code: 'invalid_type' })
  const dropped = await asked({ parameters: {} }, { unread, sent, spelling })
  expect([dropped.request?.sent, dropped.receipt]).toEqual([{}, { metadata: 'dropped', seed: 'dropped' }])
  const own = await asked({ parameters: { seed: 'honoured' }, extraOf: 'openai-chat' }, { unread, sent, spelling })
  expect(own.request?.sent).toEqual({ seed: sent.seed })
  const message = [{ param: 'messages[0].role', message: 'messages[0].role: must be …', code: 'invalid_value' }]
  await expect(
    asked({ parameters: {} }, { unread: message }).catch((thrown: unknown) => thrown),
  ).resolves.toMatchObject({
    param: 'messages[0].role',
  })
})

test('no tools are none, and what chooses among them goes with them', async () => {
  const parameters = { tools: [], toolChoice: { type: 'required' }, parallelToolCalls: false } as const
  const spelling = { tools: 'tools', toolChoice: 'tool_choice', parallelToolCalls: 'parallel_tool_calls' }
  const taken = { tools: 'honoured', toolChoice: 'honoured', parallelToolCalls: 'honoured' } as const
  const { request, receipt } = await asked({ parameters: taken }, { parameters, spelling })
  expect(request?.parameters).toEqual({})
  expect(receipt).toEqual({ tools: 'dropped', tool_choice: 'dropped', parallel_tool_calls: 'dropped' })
})

test('an upstream that takes no images is told of those that tools gave, and refuses those of a client', async () => {
  const textOnly: Support = { parameters: {}, parts: ['text'] }
  const image = { type: 'image', url: 'data:image/png;base64,AAAA' } as const
  const result = (...content: readonly Part[]): Message => ({ role: 'tool', toolCallId: 'a', content })
  const ofTool = result({ type: 'text', text: 'see' }, { ...image, notice: '[image 1 is not shown]' })
  const { request } = await asked(textOnly, { messages: [...aRequest.messages, ofTool] })
  expect(request?.messages.at(-1)?.content).toEqual([
    { type: 'text', text: 'see' },
    { type: 'text', text: '[image 1 is not shown]' },
  ])
  const refused = await asked(textOnly, { messages: [result(image)] })
    .then(() => undefined)
    .catch((thrown: unknown) => thrown)
  expect(refused).toMatchObject({ reason: 'unsupported', param: 'messages[0].content[0]' })
  const seeing = await asked({ parameters: {} }, { messages: [ofTool] })
  expect(seeing.request?.messages).toEqual([ofTool])
})
