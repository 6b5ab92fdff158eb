import { describe, expect, test } from 'bun:test'
import { thrownBy } from '../../../test/failure.ts'
import type { Fields, Message } from '../../chat/message.ts'
import { decodePartOfRequest, decodeRequest } from './decode-request.ts'
import { dialect } from './dialect.ts'
import { encodeRequest } from './encode-request.ts'

const user = (content: unknown) => ({ role: 'user', content })
const body = (members: Fields = {}): Fields => ({ model: 'm', max_tokens: 10, messages: [user('hi')], ...members })
const requestOf = (members?: Fields) => decodeRequest(body(members))
const messagesOf = (...messages: readonly unknown[]): readonly Message[] => requestOf({ messages }).messages
const text = (words: string) => ({ type: 'text' as const, text: words })
const own = (extra: Fields) => ({ extra: { [dialect]: extra } })

describe('the system prompt', () => {
  const systemOf = (system: unknown) => requestOf({ system }).messages.slice(0, -1)

  for (const [name, system, expected] of [
    ['as a text', 'Be brief.', [text('Be brief.')]],
    ['as blocks', [text('Be brief.'), text('Be kind.')], [text('Be brief.'), text('Be kind.')]],
    [
      'with a mark for the cache',
      [{ ...text('Be brief.'), cache_control: { type: 'ephemeral' } }],
      [{ ...text('Be brief.'), ...own({ cache_control: { type: 'ephemeral' } }) }],
    ],
    [
      'without the block for billing, which changes',
      [text('x-anthropic-billing-header: cc_version=2; cch=a1b2;'), text('Be brief.')],
      [text('Be brief.')],
    ],
    ['without the line for billing', 'x-anthropic-billing-header: cch=a1b2;\n\nBe brief.', [text('Be brief.')]],
  ] as const)
    test(`is read ${name}`, () => {
      expect<unknown>(systemOf(system)).toEqual([{ role: 'system', content: expected }])
    })

  for (const nothing of [undefined, null, '', [], [text('')]])
    test(`may be ${JSON.stringify(nothing)}`, () => {
      expect(systemOf(nothing)).toEqual([])
    })

  test('may come among the messages, also as the last one', () => {
    expect(messagesOf(user('hi'), { role: 'system', content: 'Be brief.' }).at(-1)).toEqual({
      role: 'system',
      content: [text('Be brief.')],
    })
  })
})

describe('a block', () => {
  const picture = { type: 'base64', media_type: 'image/png', data: 'aGk=' }
  const pdf = { type: 'base64', media_type: 'application/pdf', data: 'aGk=' }
  for (const [name, block, part] of [
    ['a picture as data', { type: 'image', source: picture }, { type: 'image', url: 'data:image/png;base64,aGk=' }],
    [
      'a picture by its address',
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
      { type: 'image', url: 'https://example.com/a.png' },
    ],
    [
      'a PDF file',
      { type: 'document', source: pdf, title: 'plan' },
      { type: 'file', content: 'data:application/pdf;base64,aGk=', name: 'plan' },
    ],
    [
      'a document that is a text',
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'words' }, title: 'plan' },
      text('plan\n\nwords'),
    ],
    [
      'a document with blocks',
      { type: 'document', source: { type: 'content', content: [text('words')] } },
      text('words'),
    ],
    [
      'a result of a search',
      { type: 'search_result', title: 'Plan', source: 'https://example.com', content: [text('words')] },
      text('Plan\nhttps://example.com\nwords'),
    ],
    [
      'a picture by its id, which only Anthropic has',
      { type: 'image', source: { type: 'file', file_id: 'f1' } },
      { type: 'foreign', name: 'image', ...own({ type: 'image', source: { type: 'file', file_id: 'f1' } }) },
    ],
    [
      'a block of an unknown type',
      { type: 'container_upload', file_id: 'f1' },
      { type: 'foreign', name: 'container_upload', ...own({ type: 'container_upload', file_id: 'f1' }) },
    ],
  ] as const)
    test(`is ${name}`, () => {
      expect<unknown>(messagesOf(user([block]))).toEqual([{ role: 'user', content: [part] }])
    })

  test('of an answer keeps its place, and thinking its signature byte for byte', () => {
    const signature = 'EqQB+/=\u0000"\\'
    const content = [
      { type: 'thinking', thinking: 'hm', signature },
      { type: 'redacted_thinking', data: 'opaque' },
      text('I look.'),
      { type: 'tool_use', id: 'toolu_1', name: 'look', input: { at: 'it' } },
      text('And again.'),
      { type: 'tool_use', id: 'toolu_2', name: 'look', input: {} },
    ]
    expect(messagesOf(user('hi'), { role: 'assistant', content })[1]?.content).toEqual([
      { type: 'reasoning', text: 'hm', ...own({ signature }) },
      { type: 'reasoning', text: '', ...own({ redacted: 'opaque' }) },
      text('I look.'),
      { type: 'tool-call', id: 'toolu_1', name: 'look', arguments: '{"at":"it"}' },
      text('And again.'),
      { type: 'tool-call', id: 'toolu_2', name: 'look', arguments: '{}' },
    ])
  })

  test('of thinking without a signature is only readable', () => {
    const content = [{ type: 'thinking', thinking: 'hm', signature: '' }]
    expect(messagesOf(user('hi'), { role: 'assistant', content })[1]?.content).toEqual([
      { type: 'reasoning', text: 'hm' },
    ])
  })

  test('of a call that the client could not read has the model’s own words again', () => {
    const input = { __unparsedToolInput: { raw: '{"at":', len: 6 } }
    const content = [{ type: 'tool_use', id: 'toolu_1', name: 'look', input }]
    expect(messagesOf(user('hi'), { role: 'assistant', content })[1]?.content).toEqual([
      { type: 'tool-call', id: 'toolu_1', name: 'look', arguments: '{"at":' },
    ])
  })
})

test('an answer without content, and a call without input, say nothing', () => {
  const call = { type: 'tool_use', id: 'a', name: 'f', input: null }
  expect(messagesOf(user('hi'), { role: 'assistant', content: null }, { role: 'assistant', content: [call] })).toEqual([
    { role: 'user', content: [text('hi')] },
    { role: 'assistant', content: [{ type: 'tool-call', id: 'a', name: 'f', arguments: '{}' }] },
  ])
})

test('an answer that says nothing is left out', () => {
  for (const content of ['', [], [text('')]])
    expect(messagesOf(user('hi'), { role: 'assistant', content }, user('so?')).length).toBe(2)
})

describe('the results of tools', () => {
  const result = (id: string, members: Fields) => ({ type: 'tool_result', tool_use_id: id, ...members })
  const call = (id: string) => ({ type: 'tool_use', id, name: 'f', input: {} })
  const calls = (...ids: readonly string[]) => ({ role: 'assistant', content: ids.map(call) })

  test('become messages, before the other blocks', () => {
    const content = [
      result('a', { content: 'one' }),
      result('b', {
        content: [text('two'), { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }],
      }),
      text('go on'),
      result('c', {}),
    ]
    expect<unknown>(messagesOf(calls('a', 'b', 'c'), user(content)).slice(1)).toEqual([
      { role: 'tool', toolCallId: 'a', content: [text('one')] },
      {
        role: 'tool',
        toolCallId: 'b',
        content: [text('two'), { type: 'image', url: 'https://example.com/a.png' }],
      },
      { role: 'tool', toolCallId: 'c', content: [text('')] },
      { role: 'user', content: [text('go on')] },
    ])
  })

  test('say that they are errors', () => {
    expect(messagesOf(calls('a'), user([result('a', { content: 'no', is_error: true })])).slice(1)).toEqual([
      { role: 'tool', toolCallId: 'a', content: [text('no')], isError: true },
    ])
  })

  test('are one for each call, the last one that was sent', () => {
    const twice = user([result('a', { content: 'not yet' }), text('well?'), result('a', { content: 'done' })])
    expect(messagesOf(calls('a'), twice).slice(1)).toEqual([
      { role: 'tool', toolCallId: 'a', content: [text('done')] },
      { role: 'user', content: [text('well?')] },
    ])
  })

  test('belong to a call before them, but a part of a conversation can be counted', () => {
    const later = { messages: [user([result('a', { content: 'x' })]), calls('a')] }
    expect(thrownBy(() => requestOf(later))).toMatchObject({ param: 'messages[0].content[0].tool_use_id' })
    expect(decodePartOfRequest(body(later)).messages).toHaveLength(2)
  })
})

describe('tools', () => {
  const tool = (name: string, members: Fields = {}) => ({ name, input_schema: { type: 'object' }, ...members })

  test('have a schema, without its version', () => {
    const schema = { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object', properties: {} }
    expect(
      requestOf({ tools: [tool('a', { description: 'does a', input_schema: schema, type: 'custom' })] }).parameters
        .tools,
    ).toEqual([{ type: 'function', name: 'a', description: 'does a', parameters: { type: 'object', properties: {} } }])
  })

  test('that are deferred are offered when a result has referred to them', () => {
    const tools = [tool('a'), tool('b', { defer_loading: true }), tool('c', { defer_loading: true })]
    const found = { type: 'tool_result', tool_use_id: 't', content: [{ type: 'tool_reference', tool_name: 'c' }] }
    const namesOf = (messages: readonly unknown[]) =>
      requestOf({ tools, messages }).parameters.tools?.map(({ name }) => name)
    expect(namesOf([user('hi')])).toEqual(['a'])
    const call = { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'find', input: {} }] }
    expect(namesOf([user('hi'), call, user([found])])).toEqual(['a', 'c'])
  })

  test('of Anthropic’s are left out, and named, unless there is no other', () => {
    const search = { type: 'web_search_20250305', name: 'web_search' }
    const { parameters, extra } = requestOf({ tools: [tool('a'), search] })
    expect(parameters.tools?.map(({ name }) => name)).toEqual(['a'])
    expect(extra).toEqual({ [dialect]: { 'tools.web_search_20250305': true } })
    expect<unknown>(requestOf({ tools: [search] }).parameters.tools).toEqual([
      { type: 'foreign', name: 'web_search_20250305', ...own(search) },
    ])
  })

  test('of Anthropic’s are offered alone if the model must call one of them, so that others refuse the request', () => {
    const search = { type: 'web_search_20250305', name: 'web_search' }
    const tool_choice = { type: 'tool', name: 'web_search' }
    const { parameters } = requestOf({ tools: [tool('a'), search], tool_choice })
    expect(parameters.tools?.map(({ name }) => name)).toEqual(['web_search_20250305'])
  })

  test('with a type that the client runs itself are functions, and the same tools for Anthropic', () => {
    const typed = [
      { type: 'bash_20250124', name: 'bash' },
      { type: 'text_editor_20250124', name: 'str_replace_editor' },
      { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool', max_characters: 9 },
      { type: 'memory_20250818', name: 'memory' },
    ]
    const request = requestOf({ tools: typed })
    const tools = request.parameters.tools ?? []
    expect(tools.map(({ type, name }) => [type, name])).toEqual(typed.map(({ name }) => ['function', name]))
    const commands = tools.map((each) => (each.type === 'function' ? JSON.stringify(each.parameters) : ''))
    expect(commands.map((json) => json.includes('undo_edit'))).toEqual([false, true, false, false])
    expect(commands.map((json) => json.includes('old_path'))).toEqual([false, false, false, true])
    const { native: _, ...without } = request
    expect(encodeRequest({ ...without, messages: request.messages }).tools).toEqual(typed)
  })

  for (const [choice, expected] of [
    [{ type: 'auto' }, { toolChoice: { type: 'auto' } }],
    [{ type: 'any' }, { toolChoice: { type: 'required' } }],
    [{ type: 'none' }, { toolChoice: { type: 'none' } }],
    [{ type: 'tool', name: 'a' }, { toolChoice: { type: 'function', name: 'a' } }],
    [
      { type: 'auto', disable_parallel_tool_use: true },
      { toolChoice: { type: 'auto' }, parallelToolCalls: false },
    ],
  ] as const)
    test(`may be chosen by ${JSON.stringify(choice)}`, () => {
      const { parameters } = requestOf({ tool_choice: choice })
      expect<unknown>(parameters).toEqual({ maxTokens: 10, ...expected })
    })
})

describe('a parameter', () => {
  for (const [members, expected] of [
    [{ max_tokens: 0 }, { maxTokens: 1 }],
    [
      { temperature: 0.5, top_p: 0.9, stop_sequences: ['a'] },
      { temperature: 0.5, topP: 0.9, stop: ['a'] },
    ],
    [{ stop_sequences: [] }, {}],
    [{ thinking: { type: 'enabled', budget_tokens: 1_024 } }, { reasoningEffort: 'low' }],
    [{ thinking: { type: 'enabled', budget_tokens: 8_192 } }, { reasoningEffort: 'medium' }],
    [{ thinking: { type: 'enabled', budget_tokens: 16_384 } }, { reasoningEffort: 'high' }],
    [{ thinking: { type: 'enabled', budget_tokens: 31_999 } }, { reasoningEffort: 'xhigh' }],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'high' } }, { reasoningEffort: 'high' }],
    [{ thinking: { type: 'adaptive' } }, {}],
    [{ thinking: { type: 'disabled' }, output_config: { effort: 'high' } }, {}],
    [
      { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
      { responseFormat: { type: 'json-schema', name: 'answer', schema: { type: 'object' }, strict: true } },
    ],
    [{ metadata: { user_id: 'u1' } }, { user: 'u1' }],
    [{ metadata: { user_id: '{"device":"d"}' } }, {}],
  ] as const)
    test(`is read from ${JSON.stringify(members)}`, () => {
      expect<unknown>(requestOf(members).parameters).toEqual({ maxTokens: 10, ...expected })
    })

  test('that only Anthropic knows is kept for it', () => {
    const { extra } = requestOf({
      top_k: 5,
      betas: ['a'],
      temperature: 1,
      thinking: { type: 'enabled', budget_tokens: 2_000 },
    })
    expect(extra).toEqual({ [dialect]: { top_k: 5, betas: ['a'] } })
  })
})

describe('a body is refused with the path of', () => {
  for (const [param, members] of [
    ['model', { model: undefined }],
    ['model', { model: 5 }],
    ['messages', { messages: [] }],
    ['messages', { messages: 'hi' }],
    ['messages[0]', { messages: ['hi'] }],
    ['messages[0].role', { messages: [{ role: 'tool', content: 'hi' }] }],
    ['messages[0].content', { messages: [user(5)] }],
    ['messages[0].content', { messages: [user('')] }],
    ['messages[0].content', { messages: [user([])] }],
    ['messages[0].content[0]', { messages: [user(['hi'])] }],
    ['messages[0].content[0].text', { messages: [user([{ type: 'text' }])] }],
    ['messages[0].content[1].text', { messages: [user([text('hi'), { type: 'text' }])] }],
    ['messages[0].content', { messages: [{ role: 'user' }] }],
    ['messages[0].content[0].tool_use_id', { messages: [user([{ type: 'tool_result' }])] }],
    ['messages[0].content[0].id', { messages: [{ role: 'assistant', content: [{ type: 'tool_use' }] }] }],
    ['system[0].text', { system: [{ type: 'text', text: 1 }] }],
    ['max_tokens', { max_tokens: 'many' }],
    ['max_tokens', { max_tokens: -1 }],
    ['stop_sequences', { stop_sequences: 'a' }],
    ['stop_sequences[1]', { stop_sequences: ['a', {}] }],
    ['tools', { tools: {} }],
    ['tools[0].name', { tools: [{}] }],
    ['tools[0].type', { tools: [{ type: { toString: 1 } }] }],
    ['messages[0].content', { messages: [user(null)] }],
    ['tool_choice', { tool_choice: 'auto' }],
    ['tool_choice.type', { tool_choice: { type: 'some' } }],
    ['tool_choice.name', { tool_choice: { type: 'tool' } }],
    ['stream', { stream: 'perhaps' }],
    ['mcp_servers', { mcp_servers: [{ type: 'url', url: 'https://example.com' }] }],
  ] as const)
    test(`${param}: ${JSON.stringify(members)}`, () => {
      const thrown = thrownBy(() => requestOf(members))
      expect(thrown).toMatchObject({ param })
      expect(thrown?.message).not.toContain('undefined')
      expect(thrown?.message).toStartWith(param)
    })

  for (const nothing of [null, [], 'text', 5])
    test(`nothing: ${JSON.stringify(nothing)}`, () => {
      expect(thrownBy(() => decodeRequest(nothing))).toMatchObject({ reason: 'invalid-request' })
    })
})
