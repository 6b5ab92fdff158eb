import { expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { Message, Part } from '../../chat/message.ts'
import type { Support } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import type { Chat } from '../../flow/chat.ts'
import { aCall, aRequest, chatOf, drain, finish } from '../chat.double.ts'
import { support } from './support.ts'

async function ask(supported: Support, request: Partial<ChatRequest>) {
  const seen: ChatRequest[] = []
  const chat: Chat = chatOf(async function* (arrived) {
    seen.push(arrived)
    yield finish()
  })
  const call = aCall()
  await drain(support('groq', supported)(chat)({ ...aRequest, ...request }, call))
  return { request: seen[0], receipt: Object.fromEntries(call.receipt.parameters) }
}

test('an upstream gets the parameters that it supports, and the receipt has the treatment of each', async () => {
  const { request, receipt } = await ask(
    { parameters: { temperature: 'honoured', maxTokens: 'mapped', choices: 'emulated' } },
    {
      parameters: { temperature: 1, maxTokens: 5, choices: 2, seed: 7 },
      spelling: { temperature: 'temperature', maxTokens: 'max_completion_tokens', choices: 'n', seed: 'seed' },
    },
  )
  expect(request?.parameters).toEqual({ temperature: 1, maxTokens: 5, choices: 2 })
  expect(receipt).toEqual({ temperature: 'honoured', max_completion_tokens: 'mapped', n: 'emulated', seed: 'dropped' })
})

test('unknown fields are honoured by an upstream with their dialect, and dropped otherwise', async () => {
  const extra = { 'openai-chat': { top_k: 5 } }
  expect((await ask({ parameters: {}, extraOf: 'openai-chat' }, { extra })).receipt).toEqual({ top_k: 'honoured' })
  expect((await ask({ parameters: {}, extraOf: 'other' }, { extra })).receipt).toEqual({ top_k: 'dropped' })
})

test('unsupported tools and response formats are refused with the client’s own names', async () => {
  const refused = (parameters: ChatRequest['parameters'], spelling: ChatRequest['spelling']) =>
    ask({ parameters: {} }, { parameters, spelling }).catch((thrown: unknown) => thrown)
  await expect(refused({ tools: [{ type: 'function', name: 'f' }] }, {})).resolves.toMatchObject({
    reason: 'unsupported',
    param: 'tools',
  })
  const format = refused({ responseFormat: { type: 'json' } }, { responseFormat: 'response_format' })
  await expect(format).resolves.toBeInstanceOf(ChatError)
  await expect(format).resolves.toMatchObject({ reason: 'unsupported', param: 'response_format' })
})

test('an empty list of tools and the text format are dropped without an error', async () => {
  const { request, receipt } = await ask(
    { parameters: {} },
    {
      parameters: { tools: [], responseFormat: { type: 'text' } },
      spelling: { tools: 'tools', responseFormat: 'response_format' },
    },
  )
  expect(request?.parameters).toEqual({})
  expect(receipt).toEqual({ tools: 'dropped', response_format: 'dropped' })
})

test('functions under their older name count as tools: they are refused for other dialects, unless the list is empty', async () => {
  const functions = [{ name: 'weather' }]
  const refused = ask({ parameters: { tools: 'honoured' } }, { extra: { 'openai-chat': { functions } } }).catch(
    (thrown: unknown) => thrown,
  )
  await expect(refused).resolves.toMatchObject({ reason: 'unsupported', param: 'functions' })
  const none = await ask({ parameters: {} }, { extra: { 'openai-chat': { functions: [] } } })
  expect(none.receipt).toEqual({ functions: 'dropped' })
  const supported = await ask({ parameters: {}, extraOf: 'openai-chat' }, { extra: { 'openai-chat': { functions } } })
  expect(supported.request?.extra).toEqual({ 'openai-chat': { functions } })
})

test('a number out of range becomes the nearest one, a listed word is replaced, and both count as mapped', async () => {
  const supported: Support = {
    parameters: { temperature: 'honoured', topP: 'honoured', reasoningEffort: 'honoured' },
    ranges: { temperature: { min: 0, max: 1.5 }, topP: { min: 0, max: 1 } },
    words: { reasoningEffort: { low: 'none' } },
  }
  const spelling = { temperature: 'temperature', topP: 'top_p', reasoningEffort: 'reasoning_effort' }
  const wide = await ask(supported, { parameters: { temperature: 2, topP: 0.5, reasoningEffort: 'low' }, spelling })
  expect(wide.request?.parameters).toEqual({ temperature: 1.5, topP: 0.5, reasoningEffort: 'none' })
  expect(wide.receipt).toEqual({ temperature: 'mapped', top_p: 'honoured', reasoning_effort: 'mapped' })
  const fitting = await ask(supported, {
    parameters: { temperature: 1.5, reasoningEffort: 'high' },
    spelling: { ...spelling },
  })
  expect(fitting.request?.parameters).toEqual({ temperature: 1.5, reasoningEffort: 'high' })
  expect(fitting.receipt).toMatchObject({ temperature: 'honoured', reasoning_effort: 'honoured' })
})

test('a name counts as mapped only if it changes', async () => {
  const supported: Support = { parameters: { maxTokens: 'mapped' }, names: { maxTokens: 'max_tokens' } }
  const receiptOf = async (name: string) =>
    (await ask(supported, { parameters: { maxTokens: 5 }, spelling: { maxTokens: name } })).receipt
  expect(await receiptOf('max_completion_tokens')).toEqual({ max_completion_tokens: 'mapped' })
  expect(await receiptOf('max_tokens')).toEqual({ max_tokens: 'honoured' })
})

test('a parameter that a model does not support is dropped, and so are the fields that the upstream lacks', async () => {
  const supported: Support = {
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
  expect((await ask(supported, { ...request, model: 'a-reasoner' })).receipt).toEqual({
    stop: 'dropped',
    seed: 'honoured',
    logit_bias: 'dropped',
    top_k: 'honoured',
  })
  expect((await ask(supported, { ...request, model: 'another' })).receipt).toMatchObject({ stop: 'honoured' })
})

test('an unreadable field is refused for other dialects, unless it would be dropped anyway', async () => {
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
  const refused = ask({ parameters: { seed: 'honoured' } }, { unread, sent, spelling }).catch(
    (thrown: unknown) => thrown,
  )
  await expect(refused).resolves.toMatchObject({ reason: 'unsupported', param: 'seed', code: 'invalid_type' })
  const dropped = await ask({ parameters: {} }, { unread, sent, spelling })
  expect([dropped.request?.sent, dropped.receipt]).toEqual([{}, { metadata: 'dropped', seed: 'dropped' }])
  const own = await ask({ parameters: { seed: 'honoured' }, extraOf: 'openai-chat' }, { unread, sent, spelling })
  expect(own.request?.sent).toEqual({ seed: sent.seed })
  const message = [{ param: 'messages[0].role', message: 'messages[0].role: must be …', code: 'invalid_value' }]
  await expect(ask({ parameters: {} }, { unread: message }).catch((thrown: unknown) => thrown)).resolves.toMatchObject({
    param: 'messages[0].role',
  })
})

test('an empty list of tools is dropped together with the choice among them', async () => {
  const parameters = { tools: [], toolChoice: { type: 'required' }, parallelToolCalls: false } as const
  const spelling = { tools: 'tools', toolChoice: 'tool_choice', parallelToolCalls: 'parallel_tool_calls' }
  const supported = { tools: 'honoured', toolChoice: 'honoured', parallelToolCalls: 'honoured' } as const
  const { request, receipt } = await ask({ parameters: supported }, { parameters, spelling })
  expect(request?.parameters).toEqual({})
  expect(receipt).toEqual({ tools: 'dropped', tool_choice: 'dropped', parallel_tool_calls: 'dropped' })
})

test('tools that only an upstream of the client’s dialect can offer are refused elsewhere, unless there are others', async () => {
  const foreign = { type: 'foreign', name: 'search', extra: { 'openai-chat': {} } } as const
  const parameters = { tools: [foreign] }
  const honoured = { parameters: { tools: 'honoured' } } as const
  const refused = ask(honoured, { parameters, spelling: { tools: 'tools' } }).catch((thrown: unknown) => thrown)
  await expect(refused).resolves.toMatchObject({ reason: 'unsupported', param: 'tools' })
  const own = await ask({ ...honoured, extraOf: 'openai-chat' }, { parameters })
  expect(own.request?.parameters.tools).toEqual([foreign])
  const mixed = { tools: [foreign, { type: 'function', name: 'clock' } as const] }
  expect((await ask(honoured, { parameters: mixed })).request?.parameters).toEqual(mixed)
})

test('an upstream without images gets the notices of a tool’s images, and a client’s images are refused', async () => {
  const textOnly: Support = { parameters: {}, parts: ['text'] }
  const image = { type: 'image', url: 'data:image/png;base64,AAAA' } as const
  const result = (...content: readonly Part[]): Message => ({ role: 'tool', toolCallId: 'a', content })
  const ofTool = result({ type: 'text', text: 'see' }, { ...image, notice: '[image 1 is not shown]' })
  const { request } = await ask(textOnly, { messages: [...aRequest.messages, ofTool] })
  expect(request?.messages.at(-1)?.content).toEqual([
    { type: 'text', text: 'see' },
    { type: 'text', text: '[image 1 is not shown]' },
  ])
  const refused = await ask(textOnly, { messages: [result(image)] })
    .then(() => undefined)
    .catch((thrown: unknown) => thrown)
  expect(refused).toMatchObject({ reason: 'unsupported', param: 'messages[0].content[0]' })
  const seeing = await ask({ parameters: {} }, { messages: [ofTool] })
  expect(seeing.request?.messages).toEqual([ofTool])
})

test('a choice that only the client’s dialect knows is refused by an upstream of another one', async () => {
  const parameters = { toolChoice: { type: 'foreign', extra: { 'openai-chat': { type: 'custom' } } } } as const
  const spelling = { toolChoice: 'tool_choice' }
  const choosing = { parameters: { toolChoice: 'honoured' } } as const
  const refused = ask({ ...choosing, extraOf: 'theirs' }, { parameters, spelling }).catch((thrown: unknown) => thrown)
  await expect(refused).resolves.toMatchObject({ reason: 'unsupported', param: 'tool_choice' })
  await ask({ ...choosing, extraOf: 'openai-chat' }, { parameters, spelling })
})
