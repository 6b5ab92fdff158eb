import { describe, expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { Message, Part, ToolCallPart } from '../../chat/message.ts'
import type { ChatRequest, Parameters } from '../../chat/request.ts'
import { machine } from '../../wire/machine.double.ts'
import { complaintAbout, SmitheryBody } from './emulator/body.ts'
import { encodeSmitheryRequest } from './request.ts'

const text = (words: string): Part => ({ type: 'text', text: words })
const user = (...content: readonly Part[]): Message => ({ role: 'user', content })
const assistant = (words: string, ...calls: readonly ToolCallPart[]): Message => ({
  role: 'assistant',
  content: [...(words ? [text(words)] : []), ...calls],
})
const call = (id: string, json = '{"city":"Paris"}'): ToolCallPart => ({
  type: 'tool-call',
  id,
  name: 'weather',
  arguments: json,
})
const result = (toolCallId: string, words: string): Message => ({ role: 'tool', toolCallId, content: [text(words)] })
const weather = {
  type: 'function' as const,
  name: 'weather',
  description: 'The weather.',
  parameters: { type: 'object' },
}

function request(messages: readonly Message[], parameters: Parameters = {}): ChatRequest {
  return { dialect: 'openai-chat', model: 'm', messages, parameters, spelling: {}, extra: {}, stream: true }
}

/** Encodes the messages, and checks that the emulated service accepts the body. */
function encode(messages: readonly Message[], parameters: Parameters = {}) {
  const body = SmitheryBody.parse(
    JSON.parse(JSON.stringify(encodeSmitheryRequest(request(messages, parameters), machine))),
  )
  expect(complaintAbout(body)).toBeUndefined()
  return { ...body, messages: body.messages.map(({ role, parts }) => ({ role, parts })) }
}

function refusalOf(messages: readonly Message[], parameters: Parameters = {}) {
  try {
    return encodeSmitheryRequest(request(messages, parameters), machine)
  } catch (thrown) {
    return thrown instanceof ChatError ? { reason: thrown.reason, param: thrown.param } : thrown
  }
}

test('a user’s message becomes one message', () => {
  expect<unknown>(encode([user(text('Hello'))])).toEqual({
    messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hello' }] }],
    model: 'm',
    systemPrompt: '',
    tools: [],
  })
})

test('instructions become the system prompt, in their order', () => {
  const system = (words: string): Message => ({ role: 'system', content: [text(words)] })
  const developer: Message = { role: 'developer', content: [text('Be kind.')] }
  const body = encode([system('Be brief.'), user(text('Hello')), developer, system('')])
  expect(body.systemPrompt).toBe('Be brief.\n\nBe kind.')
  expect(body.messages).toHaveLength(1)
})

test('an empty answer of the assistant is left out, because models refuse an empty text', () => {
  const thought: Message = { role: 'assistant', content: [{ type: 'reasoning', text: 'Hm.' }] }
  const { messages } = encode([
    user(text('a')),
    assistant(''),
    thought,
    user(text('b')),
    assistant('', call('one')),
    assistant('B'),
  ])
  expect(messages.map(({ role }) => role)).toEqual(['user', 'user', 'assistant', 'assistant'])
})

test('an empty text beside an image is not sent', () => {
  const image: Part = { type: 'image', url: 'data:image/png;base64,AAAA' }
  const { messages } = encode([user(text(''), image)])
  expect(messages[0]?.parts.map(({ type }) => type)).toEqual(['file'])
})

test('instructions without other messages become a user’s message, because the service needs one', () => {
  const body = encode([{ role: 'system', content: [text('Name this chat.')] }])
  expect(body.systemPrompt).toBe('')
  expect(body.messages).toEqual([{ role: 'user', parts: [{ type: 'text', text: 'Name this chat.' }] }])
})

test('every message has its own id', () => {
  const { messages } = SmitheryBody.parse(
    encodeSmitheryRequest(request([user(text('a')), assistant('b'), user(text('c'))]), machine),
  )
  expect(messages.every(({ id }) => /^msg-[0-9a-f]{16}$/.test(id))).toBe(true)
  expect(new Set(messages.map(({ id }) => id)).size).toBe(3)
})

test('images and files become file parts, with their given or recognized type', () => {
  const parts: readonly Part[] = [
    text('Look'),
    { type: 'image', url: 'data:image/webp;base64,AAAA', detail: 'high' },
    { type: 'image', url: 'https://example.com/a/Cat.JPG?size=2' },
    { type: 'image', url: 'https://example.com/cat' },
    { type: 'file', content: 'data:application/pdf;base64,AAAA', name: 'a.pdf' },
    { type: 'file', content: 'AAAA', name: 'notes.txt' },
    { type: 'file', content: 'AAAA' },
  ]
  const file = (mediaType: string, url: string) => ({ type: 'file', mediaType, url })
  expect<unknown>(encode([user(...parts)]).messages[0]?.parts).toEqual([
    { type: 'text', text: 'Look' },
    file('image/webp', 'data:image/webp;base64,AAAA'),
    file('image/jpeg', 'https://example.com/a/Cat.JPG?size=2'),
    file('image/*', 'https://example.com/cat'),
    { ...file('application/pdf', 'data:application/pdf;base64,AAAA'), filename: 'a.pdf' },
    { ...file('text/plain', 'data:text/plain;base64,AAAA'), filename: 'notes.txt' },
    file('application/octet-stream', 'data:application/octet-stream;base64,AAAA'),
  ])
})

test('calls and their results become one message of the assistant', () => {
  const conversation = [
    user(text('Weather?')),
    assistant('Let me look.', call('1'), call('2', '')),
    result('1', 'Rain'),
    result('2', 'Sun'),
    assistant('Rain.'),
  ]
  const output = (words: string) => ({ content: [{ type: 'text', text: words }] })
  const part = { type: 'tool-weather', state: 'output-available' }
  expect<unknown>(encode(conversation).messages).toEqual([
    { role: 'user', parts: [{ type: 'text', text: 'Weather?' }] },
    {
      role: 'assistant',
      parts: [
        { type: 'step-start' },
        { type: 'text', text: 'Let me look.', state: 'done' },
        { ...part, toolCallId: '1', input: { city: 'Paris' }, output: output('Rain') },
        { ...part, toolCallId: '2', input: {}, output: output('Sun') },
      ],
    },
    { role: 'assistant', parts: [{ type: 'step-start' }, { type: 'text', text: 'Rain.', state: 'done' }] },
  ])
})

test('a result belongs to the last call with its id, because some clients repeat their ids', () => {
  const conversation = [
    user(text('Paris?')),
    assistant('', call('call_0')),
    result('call_0', 'Rain'),
    assistant('Rain. And?', call('call_0')),
    result('call_0', 'Sun'),
    assistant('', call('call_0')),
  ]
  const outputs = encode(conversation).messages.flatMap(({ parts }) =>
    parts.flatMap((part) => ('output' in part ? part.output : [])),
  )
  expect<unknown>(outputs).toEqual(['Rain', 'Sun'].map((words) => ({ content: [{ type: 'text', text: words }] })))
})

test('a call without a result stays open, and arguments that are not JSON are sent as text', () => {
  expect(
    encode([user(text('a')), assistant('', call('1'), call('2', '{"ci'), call('3', '[1]'))]).messages[1]?.parts,
  ).toEqual([
    { type: 'step-start' },
    { type: 'tool-weather', toolCallId: '1', input: { city: 'Paris' }, state: 'input-available' },
    { type: 'tool-weather', toolCallId: '2', input: { arguments: '{"ci' }, state: 'input-available' },
    { type: 'tool-weather', toolCallId: '3', input: { arguments: '[1]' }, state: 'input-available' },
  ])
})

test('reasoning is not sent, and a refusal is sent as text', () => {
  const content: readonly Part[] = [
    { type: 'reasoning', text: 'Hm.' },
    { type: 'refusal', text: 'No.' },
  ]
  expect<unknown>(encode([{ role: 'assistant', content }]).messages[0]?.parts).toEqual([
    { type: 'step-start' },
    { type: 'text', text: 'No.', state: 'done' },
  ])
})

describe('tools', () => {
  const ask = [user(text('a'))]
  const tool = { type: 'function', name: 'weather', description: 'The weather.' }
  const offered = { ...tool, inputSchema: { type: 'object' }, parameters: { type: 'object' } }
  const time = { type: 'function' as const, name: 'time' }

  test('are offered with their schema in both of its fields', () => {
    expect<unknown>(encode(ask, { tools: [weather] }).tools).toEqual([offered])
    expect<unknown>(encode(ask, { tools: [time] }).tools).toMatchObject([
      { name: 'time', inputSchema: { type: 'object', properties: {} } },
    ])
  })

  for (const [toolChoice, names, sent] of [
    [{ type: 'auto' }, ['weather', 'time'], undefined],
    [{ type: 'none' }, [], undefined],
    [{ type: 'required' }, ['weather', 'time'], 'required'],
    [{ type: 'function', name: 'time' }, ['time'], 'required'],
  ] as const)
    test(`with the choice ${JSON.stringify(toolChoice)}`, () => {
      const body = encode(ask, { tools: [weather, time], toolChoice })
      expect<unknown>({ names: body.tools.map(({ name }) => name), sent: body.toolChoice }).toEqual({
        names: [...names],
        sent,
      })
    })
})

test('the effort is sent in smithery’s words', () => {
  const effort = (reasoningEffort: string) => encode([user(text('a'))], { reasoningEffort }).reasoningEffort
  expect(['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'much'].map(effort)).toEqual([
    'minimal',
    'minimal',
    'low',
    'medium',
    'high',
    'high',
    undefined,
  ])
})

describe('unsupported content is refused', () => {
  const image: Part = { type: 'image', url: 'data:image/png;base64,AAAA' }
  const named = { type: 'function', name: 'nobody' } as const
  const rows: readonly (readonly [string, readonly Message[], Parameters, object])[] = [
    ['a file by its id', [user({ type: 'file', fileId: 'f' })], {}, { param: 'messages[0].content[0]' }],
    ['an image of the system', [{ role: 'system', content: [image] }], {}, { param: 'messages[0].content[0]' }],
    [
      'an image of a tool',
      [assistant('', call('1')), { ...result('1', ''), content: [image] }],
      {},
      { param: 'messages[1].content[0]' },
    ],
    ['a tool of another type', [], { tools: [{ type: 'foreign', name: 'shell', extra: {} }] }, { param: 'tools' }],
    [
      'a choice of another type',
      [],
      { tools: [weather], toolChoice: { type: 'foreign', extra: {} } },
      { param: 'tool_choice' },
    ],
    ['a choice of an unknown tool', [], { tools: [weather], toolChoice: named }, { reason: 'invalid-request' }],
    [
      'a result without its call',
      [result('1', 'a')],
      {},
      { reason: 'invalid-request', param: 'messages[0].tool_call_id' },
    ],
  ]
  for (const [what, messages, parameters, error] of rows)
    test(what, () => expect(refusalOf(messages, parameters)).toMatchObject({ reason: 'unsupported', ...error }))
})
