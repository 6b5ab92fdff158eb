import { describe, expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { Message, Part, ToolCallPart } from '../../chat/message.ts'
import type { ChatRequest, Parameters } from '../../chat/request.ts'
import { machine } from '../../wire/machine.double.ts'
import { complaintAbout, SmitheryBody } from './emulator/body.ts'
import { encodeSmitheryRequest } from './request.ts'

const text = (words: string): Part => ({ type: 'text', text: words })
const user = (...content: readonly Part[]): Message => ({ role: 'user', content })
const said = (words: string, ...calls: readonly ToolCallPart[]): Message => ({
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

/** The body, as the emulated service understands it. */
function encoded(messages: readonly Message[], parameters: Parameters = {}) {
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

test('what the user says is a message of its own', () => {
  expect<unknown>(encoded([user(text('Hello'))])).toEqual({
    messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hello' }] }],
    model: 'm',
    systemPrompt: '',
    tools: [],
  })
})

test('instructions are lifted out of the conversation, in their order', () => {
  const system = (words: string): Message => ({ role: 'system', content: [text(words)] })
  const developer: Message = { role: 'developer', content: [text('Be kind.')] }
  const body = encoded([system('Be brief.'), user(text('Hello')), developer, system('')])
  expect(body.systemPrompt).toBe('Be brief.\n\nBe kind.')
  expect(body.messages).toHaveLength(1)
})

test('a turn in which the assistant said nothing is left out: models refuse text of no characters', () => {
  const thought: Message = { role: 'assistant', content: [{ type: 'reasoning', text: 'Hm.' }] }
  const { messages } = encoded([user(text('a')), said(''), thought, user(text('b')), said('', call('one')), said('B')])
  expect(messages.map(({ role }) => role)).toEqual(['user', 'user', 'assistant', 'assistant'])
})

test('a picture without a word is a picture alone', () => {
  const image: Part = { type: 'image', url: 'data:image/png;base64,AAAA' }
  const { messages } = encoded([user(text(''), image)])
  expect(messages[0]?.parts.map(({ type }) => type)).toEqual(['file'])
})

test('instructions alone are said by the user: without a message nothing is answered', () => {
  const body = encoded([{ role: 'system', content: [text('Name this chat.')] }])
  expect(body.systemPrompt).toBe('')
  expect(body.messages).toEqual([{ role: 'user', parts: [{ type: 'text', text: 'Name this chat.' }] }])
})

test('every message has an id of its own', () => {
  const { messages } = SmitheryBody.parse(
    encodeSmitheryRequest(request([user(text('a')), said('b'), user(text('c'))]), machine),
  )
  expect(messages.every(({ id }) => /^msg-[0-9a-f]{16}$/.test(id))).toBe(true)
  expect(new Set(messages.map(({ id }) => id)).size).toBe(3)
})

test('pictures and files are file parts, with the type they say or show', () => {
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
  expect<unknown>(encoded([user(...parts)]).messages[0]?.parts).toEqual([
    { type: 'text', text: 'Look' },
    file('image/webp', 'data:image/webp;base64,AAAA'),
    file('image/jpeg', 'https://example.com/a/Cat.JPG?size=2'),
    file('image/*', 'https://example.com/cat'),
    { ...file('application/pdf', 'data:application/pdf;base64,AAAA'), filename: 'a.pdf' },
    { ...file('text/plain', 'data:text/plain;base64,AAAA'), filename: 'notes.txt' },
    file('application/octet-stream', 'data:application/octet-stream;base64,AAAA'),
  ])
})

test('calls and their results are one message of the assistant', () => {
  const conversation = [
    user(text('Weather?')),
    said('Let me look.', call('1'), call('2', '')),
    result('1', 'Rain'),
    result('2', 'Sun'),
    said('Rain.'),
  ]
  const output = (words: string) => ({ content: [{ type: 'text', text: words }] })
  const part = { type: 'tool-weather', state: 'output-available' }
  expect<unknown>(encoded(conversation).messages).toEqual([
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

test('a result is that of the last call of its id: some clients count anew with every answer', () => {
  const conversation = [
    user(text('Paris?')),
    said('', call('call_0')),
    result('call_0', 'Rain'),
    said('Rain. And?', call('call_0')),
    result('call_0', 'Sun'),
    said('', call('call_0')),
  ]
  const outputs = encoded(conversation).messages.flatMap(({ parts }) =>
    parts.flatMap((part) => ('output' in part ? part.output : [])),
  )
  expect<unknown>(outputs).toEqual(['Rain', 'Sun'].map((words) => ({ content: [{ type: 'text', text: words }] })))
})

test('a call without a result is open, one that is no JSON is told as it was written', () => {
  expect(
    encoded([user(text('a')), said('', call('1'), call('2', '{"ci'), call('3', '[1]'))]).messages[1]?.parts,
  ).toEqual([
    { type: 'step-start' },
    { type: 'tool-weather', toolCallId: '1', input: { city: 'Paris' }, state: 'input-available' },
    { type: 'tool-weather', toolCallId: '2', input: { arguments: '{"ci' }, state: 'input-available' },
    { type: 'tool-weather', toolCallId: '3', input: { arguments: '[1]' }, state: 'input-available' },
  ])
})

test('what the model thought stays here, what it refused is told', () => {
  const content: readonly Part[] = [
    { type: 'reasoning', text: 'Hm.' },
    { type: 'refusal', text: 'No.' },
  ]
  expect<unknown>(encoded([{ role: 'assistant', content }]).messages[0]?.parts).toEqual([
    { type: 'step-start' },
    { type: 'text', text: 'No.', state: 'done' },
  ])
})

describe('tools', () => {
  const ask = [user(text('a'))]
  const tool = { type: 'function', name: 'weather', description: 'The weather.' }
  const offered = { ...tool, inputSchema: { type: 'object' }, parameters: { type: 'object' } }
  const time = { type: 'function' as const, name: 'time' }

  test('are offered with their schema under both its names', () => {
    expect<unknown>(encoded(ask, { tools: [weather] }).tools).toEqual([offered])
    expect<unknown>(encoded(ask, { tools: [time] }).tools).toMatchObject([
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
      const body = encoded(ask, { tools: [weather, time], toolChoice })
      expect<unknown>({ names: body.tools.map(({ name }) => name), sent: body.toolChoice }).toEqual({
        names: [...names],
        sent,
      })
    })
})

test('effort is told in the words it knows', () => {
  const effort = (reasoningEffort: string) => encoded([user(text('a'))], { reasoningEffort }).reasoningEffort
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

describe('what it has no place for is refused', () => {
  const image: Part = { type: 'image', url: 'data:image/png;base64,AAAA' }
  const named = { type: 'function', name: 'nobody' } as const
  const rows: readonly (readonly [string, readonly Message[], Parameters, object])[] = [
    ['a file by its id', [user({ type: 'file', fileId: 'f' })], {}, { param: 'messages[0].content[0]' }],
    ['a picture of the system', [{ role: 'system', content: [image] }], {}, { param: 'messages[0].content[0]' }],
    [
      'a picture of a tool',
      [said('', call('1')), { ...result('1', ''), content: [image] }],
      {},
      { param: 'messages[1].content[0]' },
    ],
    ['a tool of another kind', [], { tools: [{ type: 'foreign', name: 'shell', extra: {} }] }, { param: 'tools' }],
    [
      'a choice of another kind',
      [],
      { tools: [weather], toolChoice: { type: 'foreign', extra: {} } },
      { param: 'tool_choice' },
    ],
    ['a choice of nothing', [], { tools: [weather], toolChoice: named }, { reason: 'invalid-request' }],
    ['a result of no call', [result('1', 'a')], {}, { reason: 'invalid-request', param: 'messages[0].tool_call_id' }],
  ]
  for (const [what, messages, parameters, error] of rows)
    test(what, () => expect(refusalOf(messages, parameters)).toMatchObject({ reason: 'unsupported', ...error }))
})
