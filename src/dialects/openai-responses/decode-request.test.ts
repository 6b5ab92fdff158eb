import { describe, expect, test } from 'bun:test'
import { thrownBy } from '../../../test/failure.ts'
import type { Fields, Message } from '../../chat/message.ts'
import { decodeRequest, withFlags } from './decode-request.ts'
import { dialect } from './dialect.ts'

const body = (members: Fields = {}): Fields => ({ model: 'm', input: 'hi', ...members })
const requestOf = (members?: Fields) => decodeRequest(body(members)).request
const messagesOf = (...input: readonly unknown[]): readonly Message[] => requestOf({ input }).messages
const text = (words: string) => ({ type: 'text' as const, text: words })
const says = (role: string, content: unknown) => ({ type: 'message', role, content })
const calls = (call_id: string, name = 'look') => ({
  type: 'function_call',
  id: `fc_${call_id}`,
  call_id,
  name,
  arguments: '{}',
})
const gives = (call_id: string, output: unknown = 'seen') => ({ type: 'function_call_output', call_id, output })
const hi = says('user', 'hi')

describe('the input', () => {
  test('may be a text, with instructions before it', () => {
    expect(requestOf({ instructions: 'Be brief.' }).messages).toEqual([
      { role: 'system', content: [text('Be brief.')] },
      { role: 'user', content: [text('hi')] },
    ])
  })

  test('may be messages, also without their type', () => {
    expect(
      messagesOf({ role: 'developer', content: 'Be brief.' }, says('user', [{ type: 'input_text', text: 'hi' }])),
    ).toEqual([
      { role: 'developer', content: [text('Be brief.')] },
      { role: 'user', content: [text('hi')] },
    ])
  })

  test('comes after the items of earlier responses', () => {
    const { messages } = decodeRequest(body({ input: 'and now?' }), {
      earlier: [hi, says('assistant', [{ type: 'output_text', text: 'ho' }])],
    }).request
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
  })

  for (const [name, part, expected] of [
    [
      'a picture',
      { type: 'input_image', image_url: 'data:image/png;base64,aGk=', detail: 'high' },
      { type: 'image', url: 'data:image/png;base64,aGk=', detail: 'high' },
    ],
    [
      'a picture in the form of Chat Completions',
      { type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'low' } },
      { type: 'image', url: 'https://example.com/a.png', detail: 'low' },
    ],
    [
      'a picture in a mixed form',
      { type: 'input_image', image_url: { url: 'https://example.com/a.png' } },
      { type: 'image', url: 'https://example.com/a.png' },
    ],
    [
      'a file',
      { type: 'input_file', file_data: 'data:application/pdf;base64,aGk=', filename: 'a.pdf' },
      { type: 'file', content: 'data:application/pdf;base64,aGk=', name: 'a.pdf' },
    ],
    [
      'a sound',
      { type: 'input_audio', input_audio: { data: 'aGk=', format: 'wav' } },
      { type: 'audio', base64: 'aGk=', format: 'wav' },
    ],
    [
      'a part that only OpenAI has',
      { type: 'input_file', file_url: 'https://example.com/a.pdf' },
      {
        type: 'foreign',
        name: 'input_file',
        extra: { [dialect]: { type: 'input_file', file_url: 'https://example.com/a.pdf' } },
      },
    ],
  ] as const)
    test(`may have ${name}`, () => {
      expect<unknown>(messagesOf(says('user', [part]))[0]?.content).toEqual([expected])
    })
})

describe('an answer among the items', () => {
  const answer = (...parts: readonly unknown[]) => ({ role: 'assistant', content: parts })
  const call = (id: string, name = 'look') => ({ type: 'tool-call', id, name, arguments: '{}' })
  const result = (toolCallId: string, words = 'seen') => ({ role: 'tool', toolCallId, content: [text(words)] })
  const thought = {
    type: 'reasoning',
    id: 'rs_1',
    summary: [{ type: 'summary_text', text: 'hm' }],
    content: null,
    encrypted_content: 'x',
  }
  const user = { role: 'user', content: [text('hi')] }

  for (const [name, items, expected] of [
    [
      'is one message, with its reasoning, texts and calls, and the results after it',
      [hi, thought, says('assistant', 'I look.'), calls('a'), calls('b'), gives('a'), gives('b')],
      [
        user,
        answer({ type: 'reasoning', text: 'hm' }, text('I look.'), call('a'), call('b')),
        result('a'),
        result('b'),
      ],
    ],
    [
      'may have a message between a call and its result',
      [hi, calls('a'), says('assistant', 'I look.'), gives('a')],
      [user, answer(call('a'), text('I look.')), result('a')],
    ],
    [
      'gets results that come late',
      [hi, calls('a'), calls('b'), gives('a'), says('assistant', 'so'), gives('b')],
      [user, answer(call('a'), call('b')), result('a'), result('b'), answer(text('so'))],
    ],
    [
      'ends where its result came',
      [hi, calls('a'), gives('a'), calls('b'), gives('b')],
      [user, answer(call('a')), result('a'), answer(call('b')), result('b')],
    ],
    [
      'gets a result for a call that was broken off',
      [hi, calls('a'), hi],
      [user, answer(call('a')), result('a', 'This call was broken off, so it has no result.'), user],
    ],
    [
      'has one result for a call, the last one that was sent',
      [hi, calls('a'), gives('a', 'not yet'), gives('a')],
      [user, answer(call('a')), result('a')],
    ],
    [
      'has no message for an empty text',
      [hi, says('assistant', [{ type: 'output_text', text: '' }]), hi],
      [user, user],
    ],
    [
      'has no call for a search of OpenAI’s for tools',
      [
        hi,
        { type: 'tool_search_call', call_id: null, execution: 'server', arguments: {} },
        { type: 'tool_search_output', call_id: null, execution: 'server', tools: [] },
      ],
      [user],
    ],
    [
      'has no message for an empty thought',
      [hi, { ...thought, summary: [] }, says('assistant', 'ho')],
      [user, answer(text('ho'))],
    ],
  ] as const)
    test(name, () => {
      expect<unknown>(messagesOf(...items)).toEqual(expected)
    })

  test('keeps the list of a result, with pictures', () => {
    const output = [
      { type: 'input_text', text: 'seen' },
      { type: 'input_image', image_url: 'https://example.com/a.png' },
    ]
    expect(messagesOf(hi, calls('a'), gives('a', output))[2]?.content).toEqual([
      text('seen'),
      { type: 'image', url: 'https://example.com/a.png' },
    ])
  })

  for (const [output, expected] of [
    [null, ''],
    [[], ''],
    [{ title: 'x' }, '{"title":"x"}'],
    [[{ title: 'x' }], '[{"title":"x"}]'],
    [[{ type: 'row', title: 'x' }], '[{"type":"row","title":"x"}]'],
    [['x', 1], '["x",1]'],
  ] as const)
    test(`has a result that is ${JSON.stringify(output)}`, () => {
      const content = messagesOf(hi, calls('a'), gives('a', output))[2]?.content ?? []
      expect(content.map((part) => (part.type === 'text' ? part.text : part.type)).join()).toBe(expected)
    })

  test('a local shell names its call by the id of the item or of the call, as in the types of OpenAI', () => {
    const shell = { type: 'local_shell_call', id: 'lsh_1', call_id: 'b', status: 'completed', action: {} }
    const outputs = ['lsh_1', 'b'].map((id) => ({ type: 'local_shell_call_output', id, output: 'files' }))
    for (const output of outputs) expect<unknown>(messagesOf(hi, shell, output).at(-1)).toEqual(result('b', 'files'))
  })

  test('has the call of a tool that takes a text, and of one that the client runs itself', () => {
    const patch = { type: 'custom_tool_call', call_id: 'a', name: 'apply_patch', input: '*** Begin' }
    const shell = { type: 'local_shell_call', id: 'x', call_id: 'b', status: 'completed', action: { command: ['ls'] } }
    expect(
      messagesOf(
        hi,
        patch,
        shell,
        { type: 'custom_tool_call_output', call_id: 'a', output: 'ok' },
        { type: 'local_shell_call_output', call_id: 'b', output: 'files' },
      )[1]?.content,
    ).toEqual([
      { type: 'tool-call', id: 'a', name: 'apply_patch', arguments: '{"input":"*** Begin"}' },
      { type: 'tool-call', id: 'b', name: 'local_shell', arguments: '{"action":{"command":["ls"]}}' },
    ])
  })
})

describe('tools', () => {
  const plain = (name: string, members: Fields = {}) => ({
    type: 'function',
    name,
    parameters: { type: 'object' },
    ...members,
  })
  const namesOf = (members: Fields) => requestOf(members).parameters.tools?.map(({ name }) => name)
  const space = { type: 'namespace', name: 'agents', tools: [plain('close'), plain('wait')] }

  test('stand beside their type, and in namespaces', () => {
    expect(requestOf({ tools: [plain('a', { description: 'does a', strict: false })] }).parameters.tools).toEqual([
      { type: 'function', name: 'a', description: 'does a', parameters: { type: 'object' }, strict: false },
    ])
    expect(namesOf({ tools: [plain('close'), space] })).toEqual(['close', 'agents__close', 'agents__wait'])
  })

  test('of namespaces with long names get names that fit, and differ', () => {
    const long = 'n'.repeat(62)
    const [one, two] =
      namesOf({ tools: [{ type: 'namespace', name: long, tools: [plain('one'), plain('two')] }] }) ?? []
    expect([one?.length, two?.length].every((length) => (length ?? 99) <= 64)).toBe(true)
    expect(one).not.toBe(two)
  })

  test('of one name get names that fit, also if they are many', () => {
    const spaces = Array.from({ length: 1_500 }).map((_, at) => ({
      type: 'namespace',
      name: `${'n'.repeat(64)}${at}`,
      tools: [plain('f')],
    }))
    const names = new Set(namesOf({ tools: spaces }))
    expect(names.size).toBe(1_500)
    expect(Math.max(...[...names].map(({ length }) => length))).toBe(64)
  })

  test('are recognised in a history without their namespace, those without one first', () => {
    const called = (name: string) => messagesOfTools({ tools: [space, plain('close')] }, name)
    expect(called('close')).toBe('close')
    expect(called('wait')).toBe('agents__wait')
  })

  test('that are not offered any more keep the name that they had', () => {
    expect(messagesOfTools({}, 'close', 'agents')).toBe('agents__close')
    expect(messagesOfTools({}, 'n'.repeat(100))).toHaveLength(64)
  })

  const messagesOfTools = (members: Fields, name: string, namespace?: string) => {
    const call = { ...calls('a', name), ...(namespace !== undefined && { namespace }) }
    const [part] = requestOf({ ...members, input: [hi, call] }).messages[1]?.content ?? []
    return part?.type === 'tool-call' ? part.name : undefined
  }

  test('may be many, but not without end, wherever they stand', () => {
    const inner = Array.from({ length: 2_100 }).map((_, at) => plain(`f${at}`))
    const two = { type: 'namespace', name: 'm', tools: inner }
    const added = { type: 'additional_tools', tools: [two] }
    expect(thrownBy(() => requestOf({ tools: inner, input: [added, hi] }))).toMatchObject({
      reason: 'too-large',
      param: 'tools',
    })
  })

  test('that take a text are functions, with their grammar in words', () => {
    const format = { type: 'grammar', syntax: 'lark', definition: 'start: begin' }
    const [tool] =
      requestOf({ tools: [{ type: 'custom', name: 'apply_patch', description: 'Changes files.', format }] }).parameters
        .tools ?? []
    expect(tool).toMatchObject({ type: 'function', name: 'apply_patch', parameters: { required: ['input'] } })
    expect(JSON.stringify(tool)).toContain('start: begin')
  })

  test('may come with the items', () => {
    const added = { type: 'additional_tools', role: 'developer', tools: [space] }
    expect(namesOf({ input: [added, hi] })).toEqual(['agents__close', 'agents__wait'])
    const search = { type: 'tool_search', execution: 'client', parameters: { type: 'object' } }
    const found = [
      hi,
      { type: 'tool_search_call', call_id: 'a', execution: 'client', arguments: { query: 'x' } },
      { type: 'tool_search_output', call_id: 'a', tools: [space] },
    ]
    expect(namesOf({ input: found, tools: [search] })).toEqual(['tool_search', 'agents__close', 'agents__wait'])
  })

  test('of OpenAI’s are left out, and named', () => {
    const { parameters, extra } = requestOf({ tools: [plain('a'), { type: 'web_search' }] })
    expect(parameters.tools?.length).toBe(1)
    expect(extra).toEqual({ [dialect]: { 'tools.web_search': true } })
  })

  test('and parts that only OpenAI can read are left out, and named', () => {
    const file = { type: 'input_file', file_url: 'https://example.com/a.pdf' }
    const { extra } = requestOf({ input: [says('user', [{ type: 'input_text', text: 'hi' }, file])] })
    expect(extra).toEqual({ [dialect]: { 'input.input_file': true } })
  })

  for (const [choice, expected] of [
    ['auto', { type: 'auto' }],
    ['required', { type: 'required' }],
    [
      { type: 'function', name: 'a' },
      { type: 'function', name: 'a' },
    ],
    [
      { type: 'function', name: 'close', namespace: 'agents' },
      { type: 'function', name: 'agents__close' },
    ],
  ] as const)
    test(`may be chosen by ${JSON.stringify(choice)}`, () => {
      expect<unknown>(requestOf({ tools: [plain('a'), space], tool_choice: choice }).parameters.toolChoice).toEqual(
        expected,
      )
    })

  test('may be chosen that only OpenAI runs', () => {
    const choice = { type: 'mcp', server_label: 'x' }
    const { toolChoice } = requestOf({ tools: [choice], tool_choice: choice }).parameters
    expect<unknown>(toolChoice).toEqual({ type: 'foreign', extra: { 'openai-responses': choice } })
  })

  test('may be limited, and then only those are offered', () => {
    const tool_choice = { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'b' }] }
    const { tools, toolChoice } = requestOf({ tools: [plain('a'), plain('b')], tool_choice }).parameters
    expect([tools?.map(({ name }) => name), toolChoice]).toEqual([['b'], { type: 'required' }])
  })
})

describe('a parameter', () => {
  for (const [members, expected] of [
    [
      { max_output_tokens: 50, temperature: 0, top_p: 0.5 },
      { maxTokens: 50, temperature: 0, topP: 0.5 },
    ],
    [
      { presence_penalty: 1, frequency_penalty: 2, user: 'u' },
      { presencePenalty: 1, frequencyPenalty: 2, user: 'u' },
    ],
    [{ reasoning: { effort: 'low', summary: 'auto' } }, { reasoningEffort: 'low' }],
    [{ text: { format: { type: 'text' } } }, {}],
    [{ text: { format: { type: 'json_object' } } }, { responseFormat: { type: 'json' } }],
    [
      { text: { format: { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true } } },
      { responseFormat: { type: 'json-schema', name: 'n', schema: { type: 'object' }, strict: true } },
    ],
    [{ metadata: { a: 'b' }, include: ['x'], client_metadata: {}, truncation: null }, {}],
  ] as const)
    test(`is read from ${JSON.stringify(members)}`, () => {
      expect<unknown>(requestOf(members).parameters).toEqual(expected)
    })

  test('may be replaced by an item', () => {
    const update = { type: 'configuration_update', reasoning: { effort: 'high' } }
    expect(requestOf({ reasoning: { effort: 'low' }, input: [hi, update] }).parameters).toEqual({
      reasoningEffort: 'high',
    })
  })
})

describe('a body is refused with the path of', () => {
  for (const [param, members] of [
    ['model', { model: undefined }],
    ['model', { model: '' }],
    ['input', { input: undefined }],
    ['input', { input: 5 }],
    ['input[0]', { input: ['hi'] }],
    ['input[0]', { input: [{ id: 'msg_gone' }] }],
    ['input[0].role', { input: [says('tool', 'hi')] }],
    ['input[0].content', { input: [says('user', 5)] }],
    ['input[0].content[0]', { input: [says('user', ['hi'])] }],
    ['input[0].content[0].text', { input: [says('user', [{ type: 'input_text' }])] }],
    ['input[1].call_id', { input: [hi, gives('a')] }],
    ['input[0].arguments', { input: [{ type: 'function_call', call_id: 'a', name: 'look' }] }],
    ['input[0].type', { input: [{ type: { toString: 1 } }] }],
    ['input[0].content[0].type', { input: [says('user', [{ type: { toString: 1 } }])] }],
    ['input[0].content[0].type', { input: [says('user', [{ text: 'hi' }])] }],
    [
      'input[0].content[0].input_audio.data',
      { input: [says('user', [{ type: 'input_audio', input_audio: { data: { toString: 1 } } }])] },
    ],
    ['tools[0].type', { tools: [{ type: { toString: 1 } }] }],
    ['tool_choice.type', { tool_choice: { type: { toString: 1 } } }],
    ['tools', { tools: {} }],
    ['tools[0].name', { tools: [{ type: 'function' }] }],
    [
      'tools[0].tools[1].name',
      { tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'function', name: 'a' }, { type: 'function' }] }] },
    ],
    ['tool_choice', { tool_choice: 5 }],
    ['tool_choice.tools', { tool_choice: { type: 'allowed_tools', mode: 'auto' } }],
    [
      'tool_choice.tools',
      {
        tools: [{ type: 'function', name: 'a' }],
        tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'b' }] },
      },
    ],
    ['temperature', { temperature: 'hot' }],
    ['stream', { stream: 'perhaps' }],
    ['instructions', { instructions: 5 }],
    ['reasoning', { reasoning: 'high' }],
    ['text', { text: 5 }],
    ['conversation', { conversation: 'conv_1' }],
    ['prompt', { prompt: { id: 'p' } }],
  ] as const)
    test(`${param}: ${JSON.stringify(members)}`, () => {
      const thrown = thrownBy(() => requestOf(members))
      expect(thrown).toMatchObject({ param })
      expect(thrown?.message).toStartWith(param)
    })
})

test('a fault is named by its place in the request, also after the items of earlier responses', () => {
  const earlier = [hi, says('assistant', 'ho'), hi]
  const decode = () => decodeRequest(body({ input: [hi, gives('a')] }), { earlier })
  expect(thrownBy(decode)).toMatchObject({ param: 'input[1].call_id' })
})

test('what is kept and what is made in the background is asked for with true, or with a word or number for it', () => {
  expect(withFlags({ store: 'false', background: 1, a: 'true' })).toEqual({ store: false, background: true, a: 'true' })
  for (const whole of [{}, { store: null, background: false }]) expect(withFlags(whole)).toBe(whole)
  expect(thrownBy(() => withFlags({ store: 'no' }))).toMatchObject({ param: 'store', code: 'invalid_type' })
})
