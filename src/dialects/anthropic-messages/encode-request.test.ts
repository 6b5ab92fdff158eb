import { describe, expect, test } from 'bun:test'
import { thrownBy } from '../../../test/failure.ts'
import type { Fields, Message, Part } from '../../chat/message.ts'
import type { ChatRequest, Parameters } from '../../chat/request.ts'
import { complaintAbout, MessagesBody } from '../../providers/anthropic/emulator/body.ts'
import { decodeRequest } from './decode-request.ts'
import { dialect } from './dialect.ts'
import { encodeRequest, type ModelFacts } from './encode-request.ts'

const text = (said: string) => [{ type: 'text' as const, text: said }]
const hello: Message = { role: 'user', content: text('Hello') }
const request = (parameters: Parameters = {}, messages: readonly Message[] = [hello]): ChatRequest => ({
  dialect: 'openai-chat',
  model: 'claude-test',
  messages,
  parameters,
  spelling: { tools: 'tools', toolChoice: 'tool_choice' },
  extra: { 'openai-chat': { logit_bias: {} } },
  stream: false,
})

/** Encodes a request, and checks that the service accepts the body. */
function encode(asked: ChatRequest, facts?: ModelFacts): Fields {
  const body = encodeRequest(asked, facts)
  expect(complaintAbout(MessagesBody.parse(JSON.parse(JSON.stringify(body))))).toBeUndefined()
  return body
}

const mark = { cache_control: { type: 'ephemeral' } }
const bare = {
  model: 'claude-test',
  max_tokens: 8_192,
  stream: true,
  messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello', ...mark }] }],
}
const tool = { type: 'function' as const, name: 'clock', parameters: { type: 'object' } }
const wireTool = { name: 'clock', input_schema: { type: 'object' }, ...mark }

describe('a parameter is sent under Anthropic’s name', () => {
  const rows: readonly (readonly [Parameters, Fields, ModelFacts?])[] = [
    [{}, {}],
    [{}, { max_tokens: 64_000 }, { maxOutputTokens: 64_000 }],
    [{ maxTokens: 9 }, { max_tokens: 9 }, { maxOutputTokens: 64_000 }],
    [{ maxTokens: 100_000 }, { max_tokens: 64_000 }, { maxOutputTokens: 64_000 }],
    [{ temperature: 1.7 }, { temperature: 1 }],
    [
      { temperature: 0, topP: 0.5 },
      { temperature: 0, top_p: 0.5 },
    ],
    [{ stop: ['a', '\n', 'b'] }, { stop_sequences: ['a', 'b'] }],
    [{ stop: ['\n\n'] }, {}],
    [{ user: 'ann' }, { metadata: { user_id: 'ann' } }],
    [{ serviceTier: 'auto' }, { service_tier: 'auto' }],
    [{ serviceTier: 'strange' }, {}],
    [{ seed: 1, frequencyPenalty: 1, metadata: { a: 'b' } }, {}],
    [{ reasoningEffort: 'none' }, { thinking: { type: 'disabled' } }],
    [
      { reasoningEffort: 'low', temperature: 0.5, topP: 0.5 },
      { max_tokens: 12_288, thinking: { type: 'enabled', budget_tokens: 4_096 } },
    ],
    [
      { reasoningEffort: 'high', maxTokens: 4_000 },
      { max_tokens: 4_000, thinking: { type: 'enabled', budget_tokens: 3_000 } },
    ],
    [
      { reasoningEffort: 'high', maxTokens: 1_025 },
      { max_tokens: 1_025, thinking: { type: 'enabled', budget_tokens: 1_024 } },
    ],
    [{ reasoningEffort: 'high', maxTokens: 1_024 }, { max_tokens: 1_024 }],
    [
      { reasoningEffort: 'minimal' },
      { thinking: { type: 'adaptive' }, output_config: { effort: 'low' } },
      { isAdaptive: true, maxOutputTokens: 8_192 },
    ],
    [
      { responseFormat: { type: 'json-schema', name: 'x', schema: { type: 'object' } } },
      { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } },
    ],
    [{ responseFormat: { type: 'text' } }, {}],
    [{ tools: [tool] }, { tools: [wireTool] }],
    [
      { tools: [{ ...tool, strict: true, description: 'Tells.' }] },
      { tools: [{ ...wireTool, strict: true, description: 'Tells.' }] },
    ],
    [
      { tools: [{ type: 'function', name: 'now' }] },
      { tools: [{ name: 'now', input_schema: { type: 'object', properties: {} }, ...mark }] },
    ],
    [{ tools: [], toolChoice: { type: 'required' } }, {}],
    [
      { tools: [tool], toolChoice: { type: 'auto' } },
      { tools: [wireTool], tool_choice: { type: 'auto' } },
    ],
    [
      { tools: [tool], toolChoice: { type: 'none' }, parallelToolCalls: false },
      { tools: [wireTool], tool_choice: { type: 'none' } },
    ],
    [
      { tools: [tool], parallelToolCalls: false },
      { tools: [wireTool], tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
    ],
    [
      { tools: [tool], toolChoice: { type: 'required' }, reasoningEffort: 'high', maxTokens: 9_000 },
      { max_tokens: 9_000, tools: [wireTool], tool_choice: { type: 'any' } },
    ],
    [
      { tools: [tool], toolChoice: { type: 'function', name: 'clock' } },
      { tools: [wireTool], tool_choice: { type: 'tool', name: 'clock' } },
    ],
  ]
  for (const [parameters, sent, facts] of rows)
    test(`${JSON.stringify(parameters)}${facts ? ` to ${JSON.stringify(facts)}` : ''}`, () =>
      expect(encode(request(parameters), facts)).toEqual({ ...bare, ...sent }))

  test('JSON without a schema is an instruction', () => {
    const { system } = encode(request({ responseFormat: { type: 'json' } }))
    expect(system).toEqual([{ type: 'text', text: expect.stringContaining('JSON'), ...mark }])
  })

  for (const [param, parameters] of [
    ['tools', { tools: [tool, { type: 'foreign', name: 'custom', extra: {} }] }],
    ['tool_choice', { tools: [tool], toolChoice: { type: 'foreign', extra: {} } }],
  ] as const)
    test(`${param} of another dialect are refused`, () => {
      expect(thrownBy(() => encodeRequest(request(parameters)))).toMatchObject({ reason: 'unsupported', param })
    })
})

describe('the conversation', () => {
  const conversationOf = (...messages: readonly Message[]) => {
    const { system, messages: turns } = encode(request({}, messages))
    return JSON.parse(JSON.stringify({ system, turns }).replaceAll(',"cache_control":{"type":"ephemeral"}', ''))
  }
  const calls = (...ids: readonly string[]): Part[] =>
    ids.map((id) => ({ type: 'tool-call', id, name: 'clock', arguments: '{}' }))
  const result = (toolCallId: string, said: string): Message => ({ role: 'tool', toolCallId, content: text(said) })

  test('begins with the system prompt, and later instructions become reminders', () => {
    expect(
      conversationOf(
        { role: 'developer', content: text('Be kind.') },
        { role: 'system', content: text('Be brief.') },
        hello,
        { role: 'assistant', content: text('Hi.') },
        { role: 'system', content: text('It is late.') },
        { role: 'user', content: text('Bye') },
      ),
    ).toEqual({
      system: [...text('Be kind.'), ...text('Be brief.')],
      turns: [
        { role: 'user', content: text('Hello') },
        { role: 'assistant', content: text('Hi.') },
        {
          role: 'user',
          content: [...text('<system-reminder>\nIt is late.\n</system-reminder>'), ...text('Bye')],
        },
      ],
    })
  })

  test('that has only instructions is a message of the user', () => {
    expect(conversationOf({ role: 'system', content: text('Say hello.') })).toEqual({
      turns: [{ role: 'user', content: text('Say hello.') }],
    })
  })

  test('has no blocks and no messages that say nothing', () => {
    expect(
      conversationOf(
        { role: 'user', content: [...text(''), ...text('Hello'), ...text(' \n')] },
        { role: 'assistant', content: [...text(''), { type: 'reasoning', text: 'Hm.' }] },
        { role: 'user', content: text('Well?') },
      ).turns,
    ).toEqual([{ role: 'user', content: [...text('Hello'), ...text('Well?')] }])
  })

  test('puts all results of a turn before its other blocks', () => {
    expect(
      conversationOf(
        hello,
        { role: 'assistant', content: calls('a', 'b') },
        { role: 'system', content: text('Hurry.') },
        result('b', 'noon'),
        { role: 'user', content: text('Well?') },
        { role: 'tool', toolCallId: 'a', content: [], isError: true },
      ).turns[2],
    ).toEqual({
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'b', content: text('noon') },
        { type: 'tool_result', tool_use_id: 'a', is_error: true },
        ...text('<system-reminder>\nHurry.\n</system-reminder>'),
        ...text('Well?'),
      ],
    })
  })

  test('has ids that Anthropic accepts: the same for the same, and never one for two', () => {
    const { turns } = conversationOf(
      hello,
      { role: 'assistant', content: calls('call:1', 'call.1', 'call_1') },
      ...['call:1', 'call.1', 'call_1'].map((id) => result(id, id)),
    )
    const used = turns[1].content.map(({ id }: { id: string }) => id)
    expect(turns[2].content.map((block: Fields) => block.tool_use_id)).toEqual(used)
    expect(new Set(used).size).toBe(3)
    expect(used[2]).toBe('call_1')
    for (const id of used) expect(id).toMatch(/^[a-zA-Z0-9_-]+$/)
  })

  test('shows arguments that are no JSON object as they are', () => {
    const content: Part[] = [{ type: 'tool-call', id: 'a', name: 'clock', arguments: '{"at":' }]
    expect(conversationOf(hello, { role: 'assistant', content }, result('a', 'no')).turns[1].content).toEqual([
      { type: 'tool_use', id: 'a', name: 'clock', input: { __unparsedToolInput: { raw: '{"at":', len: 6 } } },
    ])
  })

  test('has pictures and files as data or by their address', () => {
    const [png, pdf] = ['data:image/png;base64,aGk=', 'data:application/pdf;base64,aGk=']
    const content: Part[] = [
      { type: 'image', url: png },
      { type: 'image', url: 'https://example.com/a.jpg', detail: 'low' },
      { type: 'image', url: 'data:image/jpg;base64,aGk=' },
      { type: 'file', content: pdf, name: 'plan.pdf' },
      { type: 'file', content: 'aGk=', mediaType: 'text/plain' },
      { type: 'file', content: 'data:text/markdown;charset=utf-8;base64,w6Q=' },
    ]
    expect(conversationOf({ role: 'user', content }).turns[0].content).toEqual([
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } },
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.jpg' } },
      { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'aGk=' } },
      {
        type: 'document',
        source: { type: 'base64', media_type: 'application/pdf', data: 'aGk=' },
        title: 'plan.pdf',
      },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'hi' } },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'ä' } },
    ])
  })

  for (const part of [
    { type: 'audio', base64: 'aGk=', format: 'wav' },
    { type: 'file', fileId: 'file-1' },
    { type: 'foreign', name: 'hologram', extra: { 'openai-chat': {} } },
  ] satisfies Part[])
    test(`is refused if it has a part of the type ${part.type}`, () => {
      const asked = request({}, [{ role: 'user', content: [part] }])
      expect(thrownBy(() => encodeRequest(asked))).toMatchObject({ reason: 'unsupported', param: 'messages' })
    })

  test('with calls whose thinking is lost is sent without a budget for thinking, but may think by itself', () => {
    const messages = [hello, { role: 'assistant', content: calls('a') } as const, result('a', 'noon')]
    const asked = request({ reasoningEffort: 'high', maxTokens: 20_000 }, messages)
    expect(encode(asked).thinking).toBeUndefined()
    expect(encode(asked, { isAdaptive: true }).thinking).toEqual({ type: 'adaptive' })
    const extra = { [dialect]: { signature: 'c2ln' } }
    const signed: Message = { role: 'assistant', content: [{ type: 'reasoning', text: 'Hm.', extra }, ...calls('a')] }
    const whole = encode(request({ reasoningEffort: 'high', maxTokens: 20_000 }, [hello, signed, result('a', 'noon')]))
    expect(whole.thinking).toEqual({ type: 'enabled', budget_tokens: 15_000 })
  })
})

describe('marks for the cache', () => {
  const long = [
    { role: 'system', content: [...text('Be kind.'), ...text('Be brief.')] },
    hello,
    { role: 'assistant', content: text('Hi.') },
    { role: 'user', content: [...text('Look:'), { type: 'image', url: 'https://example.com/a.png' }] },
  ] satisfies Message[]

  test('stand on the last tool, the last instruction and the newest message', () => {
    const body = encode(request({ tools: [{ ...tool, name: 'first' }, tool] }, long))
    const marked = (list: unknown) => (Array.isArray(list) ? list.map((one) => 'cache_control' in one) : [])
    expect(marked(body.tools)).toEqual([false, true])
    expect(marked(body.system)).toEqual([false, true])
    const turns = Array.isArray(body.messages) ? body.messages : []
    expect(turns.map(({ content }) => marked(content))).toEqual([[false], [false], [false, true]])
  })

  test('do not stand on thinking, where Anthropic refuses them', () => {
    const extra = { [dialect]: { signature: 'c2ln' } }
    const answer: Message = { role: 'assistant', content: [...text('Hi.'), { type: 'reasoning', text: 'Hm.', extra }] }
    const { messages } = encode(request({}, [hello, answer]))
    expect(JSON.stringify(messages)).not.toContain('cache_control')
  })

  test('the next request repeats everything before its newest message byte for byte', () => {
    const unmarked = (asked: ChatRequest) =>
      JSON.stringify(encode(asked).messages).replaceAll(',"cache_control":{"type":"ephemeral"}', '').slice(0, -1)
    const next = [...long, { role: 'assistant' as const, content: text('A cat.') }, hello]
    expect(unmarked(request({}, next)).startsWith(unmarked(request({}, long)))).toBe(true)
  })
})

describe('a request of the same dialect', () => {
  const sent: Fields = {
    model: 'some/claude-test',
    max_tokens: 0,
    temperature: 1,
    top_k: 5,
    stream: false,
    system: [
      { type: 'text', text: 'x-anthropic-billing-header: cc=1;' },
      { type: 'text', text: 'Be brief.', ...mark },
    ],
    thinking: { type: 'adaptive', display: 'omitted' },
    output_config: { effort: 'high', format: { type: 'json_schema', schema: { $schema: 'x', type: 'object' } } },
    metadata: { user_id: '{"device":"d"}' },
    service_tier: 'auto',
    context_management: { edits: [] },
    tools: [
      {
        name: 'clock',
        input_schema: { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object' },
        ...mark,
      },
      { name: 'later', input_schema: { type: 'object' }, defer_loading: true },
      { type: 'web_search_20250305', name: 'web_search', max_uses: 8 },
    ],
    tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    messages: [
      {
        role: 'user',
        content: [
          {
            type: 'document',
            source: { type: 'text', media_type: 'text/plain', data: 'words' },
            title: 't',
            context: 'c',
          },
          { type: 'text', text: 'Hello', ...mark },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: '', signature: 'EqQB+/=\u0000"\\' },
          { type: 'redacted_thinking', data: 'b3BhcXVl' },
          { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
          { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] },
          { type: 'text', text: 'I look.', citations: [{ type: 'char_location', cited_text: 'words' }] },
          { type: 'tool_use', id: 'toolu_1', name: 'clock', input: { big: 12345678901234, at: null } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'noon', ...mark }] },
      { role: 'system', content: 'Hurry.' },
    ],
  }
  const decode = (body: Fields = sent): ChatRequest => ({ ...decodeRequest(body), model: 'claude-test' })

  test('leaves as it came, except for its model', () => {
    expect(encodeRequest(decode())).toEqual({ ...sent, model: 'claude-test' })
    expect(encodeRequest({ ...decode(), stream: true })).toEqual({ ...sent, model: 'claude-test', stream: true })
  })

  test('may have only tools that Anthropic runs', () => {
    const tools = [{ type: 'web_search_20250305', name: 'web_search' }]
    const body = { ...sent, tools, tool_choice: { type: 'tool', name: 'web_search' } }
    expect(encodeRequest(decode(body))).toMatchObject({ tools, tool_choice: { type: 'tool', name: 'web_search' } })
  })

  test('keeps everything when the gateway adds a tool, a round and a limit', () => {
    const asked = decode()
    const { tools = [] } = asked.parameters
    const added: Message[] = [
      { role: 'assistant', content: [{ type: 'tool-call', id: 'toolu_2', name: 'ours', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'toolu_2', content: text('done') },
    ]
    const own = { type: 'function' as const, name: 'ours', parameters: { type: 'object' } }
    const changed = {
      ...asked,
      messages: [...asked.messages, ...added],
      parameters: { ...asked.parameters, tools: [...tools, own], maxTokens: 50 },
    }
    const list = (name: string) => (Array.isArray(sent[name]) ? sent[name] : [])
    expect(encodeRequest(changed)).toEqual({
      ...sent,
      model: 'claude-test',
      max_tokens: 50,
      tools: [...list('tools'), { name: 'ours', input_schema: { type: 'object' } }],
      messages: [
        ...list('messages'),
        { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_2', name: 'ours', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_2', content: text('done') }] },
      ],
    })
  })

  test('whose messages a layer has changed is written anew, with its marks, signatures and server tools', () => {
    const asked = decode()
    const body = encode({ ...asked, messages: [...asked.messages.slice(0, -1), hello] })
    const [, answer, last] = Array.isArray(body.messages) ? body.messages : []
    const sentAnswer = Array.isArray(sent.messages) ? sent.messages[1] : undefined
    expect(answer).toEqual(sentAnswer)
    expect(last).toEqual({
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'toolu_1', content: text('noon'), ...mark },
        { type: 'text', text: 'Hello' },
      ],
    })
    expect(body.system).toEqual([{ type: 'text', text: 'Be brief.', ...mark }])
  })
})
