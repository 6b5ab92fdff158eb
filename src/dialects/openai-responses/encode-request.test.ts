import { describe, expect, test } from 'bun:test'
import { thrownBy } from '../../../test/failure.ts'
import type { Message, Part } from '../../chat/message.ts'
import type { ChatRequest, Parameters } from '../../chat/request.ts'
import { decodeRequest } from './decode-request.ts'
import { encodeRequest } from './encode-request.ts'

const text = (said: string): Part => ({ type: 'text', text: said })
const user: Message = { role: 'user', content: [text('hi')] }
const call = (id: string): Part => ({ type: 'tool-call', id, name: 'look', arguments: '{"a":1}' })

function request(messages: readonly Message[], parameters: Parameters = {}): ChatRequest {
  return { dialect: 'openai-chat', model: 'm', messages, parameters, spelling: {}, extra: {}, stream: true }
}
const inputOf = (...messages: readonly Message[]) => encodeRequest(request(messages)).input

describe('a request of another dialect', () => {
  test('is a stream that is not stored, with encrypted reasoning', () => {
    expect(encodeRequest(request([user]))).toEqual({
      model: 'm',
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] }],
      include: ['reasoning.encrypted_content'],
      store: false,
      stream: true,
    })
  })

  for (const [part, written] of [
    [
      { type: 'image', url: 'https://example.com/a.png', detail: 'low' },
      { type: 'input_image', image_url: 'https://example.com/a.png', detail: 'low' },
    ],
    [
      { type: 'image', url: 'data:image/png;base64,AA==' },
      { type: 'input_image', image_url: 'data:image/png;base64,AA==', detail: 'auto' },
    ],
    [
      { type: 'file', content: 'data:application/pdf;base64,AA==', name: 'a.pdf' },
      { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,AA==' },
    ],
    [
      { type: 'file', content: 'AA==', mediaType: 'text/plain' },
      { type: 'input_file', filename: 'file.txt', file_data: 'data:text/plain;base64,AA==' },
    ],
    [
      { type: 'file', content: 'https://example.com/a.pdf' },
      { type: 'input_file', file_url: 'https://example.com/a.pdf' },
    ],
    [
      { type: 'file', fileId: 'file-1' },
      { type: 'input_file', file_id: 'file-1' },
    ],
    [
      { type: 'audio', base64: 'AA==', format: 'wav' },
      { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
    ],
  ] satisfies (readonly [Part, object])[])
    test(`has a place for ${JSON.stringify(part)}`, () => {
      expect<unknown>(inputOf({ role: 'user', content: [part] })).toEqual([
        { type: 'message', role: 'user', content: [written] },
      ])
    })

  test('keeps the order of an answer, and the results of its calls', () => {
    const long = 'x'.repeat(80)
    const picture: Part = { type: 'image', url: 'https://example.com/a.png' }
    const input = inputOf(
      { role: 'system', content: [text('Be brief.')] },
      user,
      { role: 'assistant', content: [text('One.'), call('a'), text('Two.'), text('Three.'), call(long)] },
      { role: 'tool', toolCallId: 'a', content: [text('seen')], isError: true },
      { role: 'tool', toolCallId: long, content: [text('a picture'), picture] },
    )
    const short = expect.stringMatching(/^call_[0-9a-f]{32}$/)
    const said = (...texts: string[]) => texts.map((each) => ({ type: 'output_text', text: each, annotations: [] }))
    expect<unknown>(input).toEqual([
      { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Be brief.' }] },
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
      { type: 'message', role: 'assistant', content: said('One.') },
      { type: 'function_call', call_id: 'a', name: 'look', arguments: '{"a":1}' },
      { type: 'message', role: 'assistant', content: said('Two.', 'Three.') },
      { type: 'function_call', call_id: short, name: 'look', arguments: '{"a":1}' },
      { type: 'function_call_output', call_id: 'a', output: 'Error: seen' },
      {
        type: 'function_call_output',
        call_id: short,
        output: [
          { type: 'input_text', text: 'a picture' },
          { type: 'input_image', image_url: 'https://example.com/a.png', detail: 'auto' },
        ],
      },
    ])
  })

  test('has no reasoning of others, and none that nothing follows', () => {
    const own = { 'openai-responses': { id: 'rs_1', encrypted_content: 'e' } }
    const thought = (extra?: ChatRequest['extra']): Part => ({
      type: 'reasoning',
      text: 'Hm.',
      ...(extra && { extra }),
    })
    const item = {
      type: 'reasoning',
      id: 'rs_1',
      encrypted_content: 'e',
      summary: [{ type: 'summary_text', text: 'Hm.' }],
    }
    const typesOf = (...content: Part[]) => {
      const [, ...items]: { type: string }[] = JSON.parse(JSON.stringify(inputOf(user, { role: 'assistant', content })))
      return items.map(({ type }) => type)
    }
    expect<unknown>(inputOf(user, { role: 'assistant', content: [thought(own), call('a')] })).toMatchObject([
      {},
      item,
      {},
    ])
    expect(typesOf(thought(), call('a'))).toEqual(['function_call'])
    expect(typesOf(thought({ 'anthropic-messages': { signature: 's' } }), text('ho'))).toEqual(['message'])
    expect(typesOf(text('ho'), thought(own))).toEqual(['message'])
  })

  test('has flat tools, whose parameters stay optional', () => {
    const parameters: Parameters = {
      tools: [
        { type: 'function', name: 'look' },
        { type: 'function', name: 'go', strict: true, parameters: { type: 'object' } },
      ],
      toolChoice: { type: 'function', name: 'go' },
      parallelToolCalls: false,
    }
    expect(encodeRequest(request([user], parameters))).toMatchObject({
      tools: [
        { type: 'function', name: 'look', parameters: { type: 'object', properties: {} }, strict: false },
        { type: 'function', name: 'go', parameters: { type: 'object' }, strict: true },
      ],
      tool_choice: { type: 'function', name: 'go' },
      parallel_tool_calls: false,
    })
  })

  test('is refused if the model must have said a picture', () => {
    const picture: Part = { type: 'image', url: 'https://example.com/a.png' }
    const encode = () => inputOf({ role: 'assistant', content: [picture] })
    expect(thrownBy(encode)).toMatchObject({ reason: 'unsupported', param: 'messages' })
  })
})

describe('a request of the same dialect', () => {
  const body = {
    model: 'client',
    instructions: 'Be brief.',
    input: [
      { type: 'message', id: 'msg_own', role: 'user', content: 'hi' },
      { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'foreign' },
      { type: 'custom_tool_call', id: 'fc_1', call_id: 'a', name: 'patch', input: 'x' },
      { type: 'custom_tool_call_output', call_id: 'a', output: 'done' },
      { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'q' } },
      { role: 'user', content: 'and?' },
    ],
    tools: [{ type: 'custom', name: 'patch' }, { type: 'web_search' }],
    include: ['web_search_call.results'],
    temperature: 0.5,
    api_key: 'of-the-client',
    new_member: true,
    previous_response_id: 'resp_1',
    store: true,
  }
  const decoded = (more: object = {}) => ({ ...decodeRequest({ ...body, ...more }).request, model: 'm' })
  const own = {
    model: 'm',
    instructions: 'Be brief.',
    input: [
      { type: 'message', role: 'user', content: 'hi' },
      { type: 'custom_tool_call', call_id: 'a', name: 'patch', input: 'x' },
      { type: 'custom_tool_call_output', call_id: 'a', output: 'done' },
      { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'q' } },
      { role: 'user', content: 'and?' },
    ],
    tools: body.tools,
    include: ['web_search_call.results', 'reasoning.encrypted_content'],
    temperature: 0.5,
    new_member: true,
    store: false,
    stream: false,
  }

  test('keeps its body, without what is the client’s or would be stored', () => {
    expect<unknown>(encodeRequest(decoded())).toEqual(own)
  })

  test('gets what layers add after its own', () => {
    const asked = decoded()
    const added = { ...asked, messages: [...asked.messages, { role: 'assistant', content: [call('b')] } as const] }
    const tools = [...(asked.parameters.tools ?? []), { type: 'function', name: 'look' } as const]
    const parameters: Parameters = { ...asked.parameters, tools, toolChoice: { type: 'function', name: 'patch' } }
    const { temperature: _, ...cold } = parameters
    expect<unknown>(encodeRequest({ ...added, parameters: cold })).toMatchObject({
      ...own,
      input: [...own.input, { type: 'function_call', call_id: 'b', name: 'look' }],
      tools: [...own.tools, { type: 'function', name: 'look' }],
      tool_choice: { type: 'custom', name: 'patch' },
      temperature: undefined,
    })
  })

  test('is written anew if one of its messages was changed', () => {
    const asked = decoded({ input: [{ role: 'user', content: 'hi' }] })
    const messages = asked.messages.map((message) => ({ ...message, content: [text('changed')] }))
    const { input, instructions } = encodeRequest({ ...asked, messages })
    expect(instructions).toBeUndefined()
    expect<unknown>(input).toMatchObject([{ role: 'system' }, { role: 'user', content: [{ text: 'changed' }] }])
  })
})
