import { describe, expect, test } from 'bun:test'
import { ChatError } from '../../chat/error.ts'
import type { Message, Part } from '../../chat/message.ts'
import type { ChatRequest, OfferedTool, Parameters } from '../../chat/request.ts'
import { CohereBody, complaintAbout } from './emulator/body.ts'
import { encodeCohereRequest, support } from './request.ts'

const hello: Message = { role: 'user', content: [{ type: 'text', text: 'Hello' }] }
const request = (parameters: Parameters = {}, rest: Partial<ChatRequest> = {}): ChatRequest => ({
  dialect: 'openai-chat',
  model: 'command-test',
  messages: [hello],
  parameters,
  spelling: {},
  extra: {},
  stream: true,
  ...rest,
})

/** Encodes the request, and checks that the service accepts the body. */
function encode(parameters: Parameters = {}, rest: Partial<ChatRequest> = {}) {
  const body = encodeCohereRequest(request(parameters, rest))
  expect(complaintAbout(CohereBody.parse(JSON.parse(JSON.stringify(body))))).toBeUndefined()
  return body
}

function refusalOf(parameters: Parameters, rest: Partial<ChatRequest> = {}) {
  try {
    return encodeCohereRequest(request(parameters, rest))
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
    return { code: thrown.code, param: thrown.param }
  }
}

const bare = { model: 'command-test', messages: [{ role: 'user', content: 'Hello' }], stream: true }

describe("a parameter is sent under Cohere's name", () => {
  const rows: readonly (readonly [Parameters, object])[] = [
    [{}, {}],
    [{ temperature: 0 }, { temperature: 0 }],
    [{ topP: 0.5 }, { p: 0.5 }],
    [{ topP: 1 }, { p: 0.99 }],
    [{ topP: 0 }, { p: 0.01 }],
    [{ maxTokens: 9 }, { max_tokens: 9 }],
    [{ stop: ['a', 'b'] }, { stop_sequences: ['a', 'b'] }],
    [{ seed: 0 }, { seed: 0 }],
    [{ frequencyPenalty: 0.1 }, { frequency_penalty: 0.1 }],
    [{ presencePenalty: 0.2 }, { presence_penalty: 0.2 }],
    [{ reasoningEffort: 'low' }, { thinking: { type: 'enabled' } }],
    [{ reasoningEffort: 'none' }, { thinking: { type: 'disabled' } }],
    [{ responseFormat: { type: 'text' } }, {}],
    [{ responseFormat: { type: 'json' } }, { response_format: { type: 'json_object' } }],
    [
      { responseFormat: { type: 'json-schema', name: 'x', schema: { type: 'object' }, strict: true } },
      { response_format: { type: 'json_object', json_schema: { type: 'object' } } },
    ],
    [{ responseFormat: { type: 'json-schema', name: 'x' } }, { response_format: { type: 'json_object' } }],
    [{ choices: 2 }, {}],
  ]
  for (const [parameters, sent] of rows)
    test(JSON.stringify(parameters), () => expect(encode(parameters)).toEqual({ ...bare, ...sent }))

  test("Cohere's own fields keep their names, and replace mapped parameters", () => {
    const extra = {
      k: 5,
      p: 0.4,
      safety_mode: 'STRICT',
      documents: ['a', { data: { title: 't' } }],
      citation_options: { mode: 'FAST' },
      thinking: { type: 'enabled', token_budget: 100 },
      strict_tools: true,
      priority: 1,
    }
    expect(support.extraFields?.names.toSorted()).toEqual(Object.keys(extra).sort())
    expect(encode({ topP: 0.9, reasoningEffort: 'none' }, { extra: { 'openai-chat': extra } })).toEqual({
      ...bare,
      ...extra,
    })
  })
})

describe('tools', () => {
  const named = (name: string): OfferedTool => ({
    type: 'function',
    name,
    description: `The ${name}.`,
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
  })
  const wire = (name: string) => ({
    type: 'function',
    function: {
      name,
      description: `The ${name}.`,
      parameters: { type: 'object', properties: { city: { type: 'string' } } },
    },
  })
  const tools = [named('weather'), named('time')]
  const both = [wire('weather'), wire('time')]

  for (const [toolChoice, sent] of [
    [undefined, { tools: both }],
    [{ type: 'auto' }, { tools: both }],
    [{ type: 'none' }, { tools: both, tool_choice: 'NONE' }],
    [{ type: 'required' }, { tools: both, tool_choice: 'REQUIRED' }],
    [
      { type: 'function', name: 'time' },
      { tools: [wire('time')], tool_choice: 'REQUIRED' },
    ],
  ] as const) {
    test(`with the choice ${JSON.stringify(toolChoice) ?? 'left open'}`, () =>
      expect(encode({ tools, ...(toolChoice && { toolChoice }) })).toEqual({ ...bare, ...sent }))
  }

  test('without parameters, or with an empty schema, have no properties', () => {
    for (const parameters of [undefined, {}])
      expect(encode({ tools: [{ type: 'function', name: 'now', ...(parameters && { parameters }) }] })).toMatchObject({
        tools: [{ type: 'function', function: { name: 'now', parameters: { type: 'object', properties: {} } } }],
      })
  })

  test('a choice without tools is left out', () => {
    expect(encode({ toolChoice: { type: 'required' } })).toEqual(bare)
    expect(encode({ tools: [], toolChoice: { type: 'none' } })).toEqual(bare)
  })

  test('a choice of an unknown tool or type is refused', () => {
    const spelling = { toolChoice: 'tool_choice', tools: 'tools' }
    expect(refusalOf({ tools, toolChoice: { type: 'function', name: 'news' } }, { spelling })).toEqual({
      code: 'invalid_request',
      param: 'tool_choice',
    })
    expect(refusalOf({ tools, toolChoice: { type: 'foreign', extra: {} } }, { spelling })).toEqual({
      code: 'unsupported_parameter',
      param: 'tool_choice',
    })
    expect(refusalOf({ tools: [...tools, { type: 'foreign', name: 'custom', extra: {} }] }, { spelling })).toEqual({
      code: 'unsupported_parameter',
      param: 'tools',
    })
  })
})

describe('the history', () => {
  const messagesOf = (...messages: Message[]) => encode({}, { messages }).messages
  const text = (said: string) => [{ type: 'text' as const, text: said }]

  test('has every role, and developer becomes system', () => {
    expect(
      messagesOf(
        { role: 'developer', content: text('Be kind.') },
        { role: 'system', content: [...text('Be '), ...text('brief.')] },
        hello,
        { role: 'assistant', content: text('Hi.') },
        { role: 'user', content: text('Bye'), name: 'ann', extra: { 'openai-chat': { unknown: 1 } } },
      ),
    ).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hi.' },
      { role: 'user', content: 'Bye' },
    ])
  })

  test('has the plan before its calls, and the results after them', () => {
    const content: Part[] = [
      ...text('Wait.'),
      { type: 'reasoning', text: 'I will look.' },
      { type: 'tool-call', id: 'a', name: 'weather', arguments: '{"city":"Paris"}' },
      { type: 'tool-call', id: 'b', name: 'now', arguments: '' },
    ]
    expect(
      messagesOf(
        hello,
        { role: 'assistant', content },
        { role: 'tool', toolCallId: 'a', content: text('sunny') },
        { role: 'tool', toolCallId: 'b', content: text('noon') },
        { role: 'assistant', content: [{ type: 'tool-call', id: 'c', name: 'now', arguments: '{}' }] },
        { role: 'tool', toolCallId: 'c', content: [] },
      ),
    ).toEqual([
      { role: 'user', content: 'Hello' },
      {
        role: 'assistant',
        content: 'Wait.',
        tool_plan: 'I will look.',
        tool_calls: [
          { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } },
          { id: 'b', type: 'function', function: { name: 'now', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'a', content: 'sunny' },
      { role: 'tool', tool_call_id: 'b', content: 'noon' },
      { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'now', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: 'c', content: '' },
    ])
  })

  test('contains a refusal as text', () => {
    const refusal = [{ type: 'refusal' as const, text: 'No.' }]
    expect(messagesOf(hello, { role: 'assistant', content: refusal }, hello)).toMatchObject([
      {},
      { role: 'assistant', content: 'No.' },
      {},
    ])
  })

  test('has no empty messages of the assistant, which Cohere refuses', () => {
    const silent = [[], text(''), [{ type: 'reasoning' as const, text: 'Hm.' }]]
    const turns = silent.map((content): Message => ({ role: 'assistant', content }))
    expect(messagesOf(hello, ...turns, hello)).toEqual([
      { role: 'user', content: 'Hello' },
      { role: 'user', content: 'Hello' },
    ])
  })

  const picture = { type: 'image' as const, url: 'data:image/png;base64,AAAA' }
  test('contains images at their places', () => {
    const content = [...text('This?'), { ...picture, detail: 'low' }, ...text('Or this?'), picture]
    expect(messagesOf({ role: 'user', content })).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'This?' },
          { type: 'image_url', image_url: { url: picture.url, detail: 'low' } },
          { type: 'text', text: 'Or this?' },
          { type: 'image_url', image_url: { url: picture.url } },
        ],
      },
    ])
  })

  test('contains no empty text next to an image', () => {
    expect(messagesOf({ role: 'user', content: [...text(''), picture] })).toEqual([
      { role: 'user', content: [{ type: 'image_url', image_url: { url: picture.url } }] },
    ])
  })

  test('with an image among the instructions is refused with its place', () => {
    const message: Message = { role: 'system', content: [...text('a'), picture] }
    expect(refusalOf({}, { messages: [hello, message] })).toEqual({
      code: 'unsupported_parameter',
      param: 'messages[1].content[1]',
    })
  })

  test("shows a client's image of a tool's result after the result", () => {
    const called: Message = {
      role: 'assistant',
      content: [{ type: 'tool-call', id: 'a', name: 'shoot', arguments: '{}' }],
    }
    const result: Message = { role: 'tool', toolCallId: 'a', content: [...text('Here.'), picture] }
    const [, ...shown] = [messagesOf(called, result)].flat()
    expect(shown).toEqual([
      { role: 'tool', tool_call_id: 'a', content: 'Here.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: expect.stringContaining('the tool call a') },
          { type: 'image_url', image_url: { url: picture.url } },
        ],
      },
    ])
  })
})
