import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { runs } from '../../../test/sizes.ts'
import { ChatError } from '../../chat/error.ts'
import type { Message } from '../../chat/message.ts'
import type { ChatRequest, Parameters } from '../../chat/request.ts'
import { decodeRequest, decodeSteps } from './decode-request.ts'
import { encodeRequest } from './encode-request.ts'

type Body = Readonly<Record<string, unknown>>

const hello = { role: 'user', content: 'Hello' }
const body = { model: 'm', messages: [hello] }

/** Decodes and encodes a body. The result is equal unless something is changed. */
function throughUs(sent: Body): unknown {
  return JSON.parse(JSON.stringify(encodeRequest(decodeRequest(JSON.parse(JSON.stringify(sent))).request)))
}

function message(sent: unknown): Body {
  return { ...body, messages: [sent] }
}

function part(sent: unknown): Body {
  return message({ role: 'user', content: [{ type: 'text', text: 'a' }, sent] })
}

/** Each documented parameter with a value. https://platform.openai.com/docs/api-reference/chat/create */
const parameters: Body = {
  audio: { voice: 'alloy', format: 'wav' },
  frequency_penalty: -0.5,
  function_call: { name: 'f' },
  functions: [{ name: 'f', description: 'd', parameters: { type: 'object', properties: {} } }],
  logit_bias: { '50256': -100 },
  logprobs: true,
  max_completion_tokens: 7,
  max_tokens: 8,
  metadata: { team: 'a' },
  modalities: ['text', 'audio'],
  moderation: { model: 'omni-moderation-latest' },
  n: 2,
  parallel_tool_calls: false,
  prediction: { type: 'content', content: [{ type: 'text', text: 'a' }] },
  presence_penalty: 0,
  prompt_cache_key: 'k',
  prompt_cache_options: { mode: 'explicit', ttl: '1h' },
  prompt_cache_retention: '24h',
  reasoning_effort: 'minimal',
  response_format: { type: 'json_object' },
  safety_identifier: 's',
  seed: 0,
  service_tier: 'flex',
  stop: ['a', 'b'],
  store: false,
  temperature: 0,
  tool_choice: 'required',
  tools: [{ type: 'function', function: { name: 'f' } }],
  top_logprobs: 0,
  top_p: 1,
  user: 'u',
  verbosity: 'low',
  web_search_options: {
    search_context_size: 'low',
    user_location: { type: 'approximate', approximate: { city: 'Oslo' } },
  },
}

const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{"a": 1}' } }

const unchanged: Readonly<Record<string, Body>> = {
  ...Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, { ...body, [name]: value }])),
  'every parameter at once': { ...body, ...parameters },
  'max_tokens alone': { ...body, max_tokens: 5 },
  'an unknown parameter': { ...body, top_k: 5, chat_template_kwargs: { thinking: null } },
  'an unknown member of stream_options': { ...body, stream_options: { include_obfuscation: false } },
  'one stop word': { ...body, stop: 'a' },
  'a system message': message({ role: 'system', content: 'a', name: 'n' }),
  'a developer message': message({ role: 'developer', content: 'a' }),
  'a system message in parts': message({
    role: 'system',
    content: [
      { type: 'text', text: 'a' },
      { type: 'text', text: '' },
    ],
  }),
  'an unknown member of a message': message({ ...hello, cache_control: { type: 'ephemeral' } }),
  'an empty name': message({ ...hello, name: '' }),
  'an empty text': message({ role: 'user', content: '' }),
  'a user message without parts': message({ role: 'user', content: [] }),
  'an assistant message': message({ role: 'assistant', content: 'a', name: 'n', refusal: 'no', own: 1 }),
  'an assistant message in parts': message({
    role: 'assistant',
    content: [
      { type: 'text', text: 'a' },
      { type: 'refusal', refusal: 'no', own: 1 },
    ],
  }),
  'only a refusal, as a part': message({ role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] }),
  'earlier audio': message({ role: 'assistant', content: null, audio: { id: 'a' } }),
  'a deprecated function call': message({
    role: 'assistant',
    content: null,
    function_call: { name: 'f', arguments: '{}' },
  }),
  'a deprecated function message': message({ role: 'function', name: 'f', content: '1', own: 1 }),
  'a function message without content': message({ role: 'function', name: 'f', content: null }),
  reasoning_content: message({ role: 'assistant', content: 'a', reasoning_content: 'b' }),
  'empty reasoning_content': message({ role: 'assistant', content: 'a', reasoning_content: '' }),
  reasoning: message({ role: 'assistant', content: 'a', reasoning: 'b', reasoning_details: [{ type: 'x' }] }),
  'reasoning under both names': message({ role: 'assistant', content: 'a', reasoning_content: 'b', reasoning: 'c' }),
  'reasoning of an unknown shape': message({ role: 'assistant', content: 'a', reasoning: { text: 'b' } }),
  'tool calls': message({ role: 'assistant', content: null, tool_calls: [call, { ...call, id: 'd' }] }),
  'tool calls next to content': message({ role: 'assistant', content: 'a', tool_calls: [call] }),
  'unknown members of a tool call': message({
    role: 'assistant',
    content: null,
    tool_calls: [
      {
        ...call,
        own: 1,
        extra_content: { google: { thought_signature: 's' } },
        function: { ...call.function, own: 2 },
      },
    ],
  }),
  'a custom tool call': message({
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'c', type: 'custom', custom: { name: 'f', input: 'a', own: 1 } }],
  }),
  'arguments with invalid JSON': message({
    role: 'assistant',
    content: null,
    tool_calls: [{ ...call, function: { name: 'f', arguments: '{"a":' } }],
  }),
  'a tool result': message({ role: 'tool', tool_call_id: 'c', content: 'a', own: 1 }),
  'a tool result in parts': message({
    role: 'tool',
    tool_call_id: 'c',
    content: [
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ],
  }),
  'a text part with an unknown member': message({
    role: 'user',
    content: [{ type: 'text', text: 'a', prompt_cache_breakpoint: { mode: 'explicit' } }],
  }),
  'an image': part({ type: 'image_url', image_url: { url: 'https://example.test/a.png', detail: 'high' } }),
  'an image with unknown members': part({
    type: 'image_url',
    own: 1,
    image_url: { url: 'data:image/png;base64,AA==', own: { deep: null } },
  }),
  audio: part({ type: 'input_audio', own: 1, input_audio: { data: 'AA==', format: 'wav', own: 2 } }),
  'a file by id': part({ type: 'file', own: 1, file: { file_id: 'f', own: 2 } }),
  'a file by content': part({
    type: 'file',
    file: { file_data: 'data:application/pdf;base64,AA==', filename: 'a.pdf' },
  }),
  'a part of an unknown kind': part({ type: 'video_url', video_url: { url: 'https://example.test/a.mp4' }, own: 1 }),
  'a part whose type is the name of an inherited member': part({ type: 'constructor', constructor: { name: 'a' } }),
  'a tool with every member': {
    ...body,
    tools: [
      {
        type: 'function',
        own: 1,
        function: { name: 'f', description: '', strict: false, own: 2, parameters: { type: 'object', default: null } },
      },
    ],
  },
  'a custom tool': {
    ...body,
    tools: [
      {
        type: 'custom',
        custom: { name: 'f', format: { type: 'grammar', grammar: { syntax: 'lark', definition: 'a' } } },
      },
    ],
  },
  'a tool of an unknown kind': { ...body, tools: [{ type: 'web_search', own: { deep: 1 } }] },
  'the choice of a function': { ...body, tool_choice: { type: 'function', function: { name: 'f' } } },
  'the choice of a function, with unknown members': {
    ...body,
    tool_choice: { type: 'function', function: { name: 'f' }, own: 1 },
  },
  'the choice of a custom tool': { ...body, tool_choice: { type: 'custom', custom: { name: 'f' } } },
  'allowed tools': { ...body, tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [{}] } } },
  'a format of text': { ...body, response_format: { type: 'text' } },
  'a format of text, with unknown members': { ...body, response_format: { type: 'text', own: 1 } },
  'a format of JSON, with unknown members': {
    ...body,
    response_format: { type: 'json_object', schema: { type: 'object' } },
  },
  'a format by schema': {
    ...body,
    response_format: {
      type: 'json_schema',
      own: 1,
      json_schema: { name: 'n', description: 'd', strict: true, schema: { $defs: {}, type: 'object' }, own: 2 },
    },
  },
  'a format of an unknown kind': { ...body, response_format: { type: 'grammar', grammar: 'a' } },
}

describe('a request of this dialect leaves unchanged', () => {
  for (const [name, sent] of Object.entries(unchanged)) test(name, () => expect(throughUs(sent)).toEqual({ ...sent }))
})

/** If two forms mean the same, the one that every upstream accepts leaves. */
const rewritten: Readonly<Record<string, readonly [Body, Body]>> = {
  'a single text part becomes a string': [
    message({ role: 'user', content: [{ type: 'text', text: 'a' }] }),
    message({ role: 'user', content: 'a' }),
  ],
  'missing content becomes null': [
    message({ role: 'assistant', tool_calls: [call] }),
    message({ role: 'assistant', content: null, tool_calls: [call] }),
  ],
  'an empty list of parts of an assistant becomes null': [
    message({ role: 'assistant', content: [] }),
    message({ role: 'assistant', content: null }),
  ],
  'an empty list of tool calls is left out': [
    message({ role: 'assistant', content: 'a', tool_calls: [] }),
    message({ role: 'assistant', content: 'a' }),
  ],
  'a tool call without a type becomes a function call': [
    message({ role: 'assistant', content: null, tool_calls: [{ id: 'c', function: call.function }] }),
    message({ role: 'assistant', content: null, tool_calls: [call] }),
  ],
  'an empty list of tools is left out, and so is the tool choice': [
    { ...body, tools: [], tool_choice: 'auto', parallel_tool_calls: true },
    body,
  ],
  'null for tools is left out': [{ ...body, tools: null, tool_choice: 'required', parallel_tool_calls: false }, body],
  'null for tools with parallel calls is left out': [{ ...body, tools: null, parallel_tool_calls: false }, body],
  'an empty list of functions is left out': [{ ...body, functions: [], function_call: 'auto' }, body],
  'null for functions is left out': [{ ...body, functions: null, function_call: { name: 'f' } }, body],
  'null counts as absent': [
    {
      ...Object.fromEntries(Object.keys(parameters).map((name) => [name, null])),
      model: 'm',
      stream: null,
      stream_options: null,
      unknown: null,
      messages: [
        { ...hello, name: null, unknown: null },
        {
          role: 'assistant',
          content: 'a',
          name: null,
          refusal: null,
          audio: null,
          function_call: null,
          reasoning_content: null,
          reasoning: null,
          annotations: null,
          tool_calls: null,
        },
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: 'u', detail: null } },
            { type: 'file', file: { file_id: 'f', file_data: null, filename: null } },
          ],
        },
      ],
    },
    {
      model: 'm',
      messages: [
        hello,
        { role: 'assistant', content: 'a' },
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: 'u' } },
            { type: 'file', file: { file_id: 'f' } },
          ],
        },
      ],
    },
  ],
}

describe('a request of this dialect leaves with the same meaning', () => {
  for (const [name, [sent, expected]] of Object.entries(rewritten))
    test(name, () => expect(throughUs(sent)).toEqual(expected))
})

test('the caller of the encoder, not the body, decides about the stream and its usage', () => {
  const sent = { ...body, stream: true, stream_options: { include_usage: true, include_obfuscation: false } }
  const { request, includeUsage } = decodeRequest(sent)
  expect([request.stream, includeUsage]).toEqual([true, true])
  expect(encodeRequest(request)).toEqual({ ...body, stream_options: { include_obfuscation: false } })
})

test('a request of another dialect leaves without the fields of that dialect', () => {
  const { request } = decodeRequest({
    ...body,
    max_tokens: 3,
    top_k: 5,
    tools: [{ type: 'web_search' }, { type: 'function', own: 1, function: { name: 'f' } }],
    messages: [{ ...hello, own: 1 }],
  })
  const other: ChatRequest = JSON.parse(JSON.stringify(request).replaceAll('"openai-chat"', '"another"'))
  expect(encodeRequest(other)).toEqual({
    ...body,
    max_completion_tokens: 3,
    tools: [{ type: 'function', function: { name: 'f' } }],
  })
})

/** The body, the path of the fault, and the message. */
const invalid: readonly (readonly [Body | unknown, string | undefined, string])[] = [
  [null, undefined, 'The body must be a JSON object with "model" and "messages".'],
  ['x', undefined, 'The body must be a JSON object with "model" and "messages".'],
  [[body], undefined, 'The body must be a JSON object with "model" and "messages".'],
  [{}, 'model', 'model: is required.'],
  [{ ...body, model: '' }, 'model', 'model: must not be empty.'],
  [{ ...body, model: 5 }, 'model', 'model: must be a string, not a number.'],
  [{ model: 'm' }, 'messages', 'messages: is required.'],
  [{ ...body, messages: {} }, 'messages', 'messages: must be a list, not an object.'],
  [{ ...body, messages: [] }, 'messages', 'messages: must not be empty.'],
  [message('x'), 'messages[0]', 'messages[0]: must be an object, not a string.'],
  [
    message({}),
    'messages[0].role',
    'messages[0].role: must be "system", "developer", "user", "assistant", "tool" or "function".',
  ],
  [
    message({ role: 'archivist' }),
    'messages[0].role',
    'messages[0].role: must be "system", "developer", "user", "assistant", "tool" or "function".',
  ],
  [
    message({ role: 'assistant', content: '', tool_calls: 'c' }),
    'messages[0].tool_calls',
    'messages[0].tool_calls: must be a list.',
  ],
  [message({ role: 'tool', content: 'a' }), 'messages[0].tool_call_id', 'messages[0].tool_call_id: is required.'],
  [message({ role: 'function', content: 'a' }), 'messages[0].name', 'messages[0].name: is required.'],
  [
    message({ role: 'assistant', tool_calls: [{}] }),
    'messages[0].tool_calls[0].id',
    'messages[0].tool_calls[0].id: is required.',
  ],
  [
    message({ role: 'assistant', tool_calls: [{ id: 'c', type: 'function' }] }),
    'messages[0].tool_calls[0].function',
    'messages[0].tool_calls[0].function: is required.',
  ],
  [
    message({ role: 'assistant', tool_calls: [{ ...call, function: { name: {}, arguments: '' } }] }),
    'messages[0].tool_calls[0].function.name',
    'messages[0].tool_calls[0].function.name: must be a string, not an object.',
  ],
  [part({}), 'messages[0].content[1].type', 'messages[0].content[1].type: is required.'],
  [part({ type: 'text' }), 'messages[0].content[1].text', 'messages[0].content[1].text: is required.'],
  [
    part({ type: 'image_url', image_url: 5 }),
    'messages[0].content[1].image_url',
    'messages[0].content[1].image_url: must be an object, not a number.',
  ],
  [
    part({ type: 'image_url', image_url: {} }),
    'messages[0].content[1].image_url.url',
    'messages[0].content[1].image_url.url: is required.',
  ],
  [
    part({ type: 'input_audio', input_audio: { data: 'AA==' } }),
    'messages[0].content[1].input_audio.format',
    'messages[0].content[1].input_audio.format: is required.',
  ],
  [{ ...body, tools: [{}] }, 'tools[0].type', 'tools[0].type: is required.'],
  [{ ...body, tools: [{ type: 'function' }] }, 'tools[0].function', 'tools[0].function: is required.'],
  [{ ...body, tools: [{ type: 'custom', custom: {} }] }, 'tools[0].custom.name', 'tools[0].custom.name: is required.'],
  [{ ...body, tool_choice: 'some' }, 'tool_choice', 'tool_choice: must be "auto", "none", "required" or an object.'],
  [
    { ...body, response_format: { type: 'json_schema' } },
    'response_format.json_schema',
    'response_format.json_schema: is required.',
  ],
  [{ ...body, n: 0 }, 'n', 'n: must be 1 or more.'],
  [{ ...body, n: 129 }, 'n', 'n: must be 128 or less.'],
  [{ ...body, max_tokens: 1.5 }, 'max_tokens', 'max_tokens: must be a whole number.'],
  [{ ...body, stop: 5 }, 'stop', 'stop: must be a string or a list of strings.'],
  [{ ...body, stop: ['a', {}] }, 'stop[1]', 'stop[1]: must be a string, not an object.'],
  [{ ...body, stream: 'yes' }, 'stream', 'stream: must be true or false, not a string.'],
]

interface Failure {
  readonly param: string | undefined
  readonly message: string
  readonly code: string
  /** Whether the gateway itself refuses the body. */
  readonly isRefused: boolean
}

/** Returns the fault of a body. The gateway refuses it at once, or an upstream of another dialect does. */
function failure(sent: unknown): Failure | undefined {
  try {
    const [unread] = decodeRequest(sent).request.unread ?? []
    return unread && { ...unread, isRefused: false }
  } catch (thrown) {
    if (!(thrown instanceof ChatError)) throw thrown
    expect(thrown.reason).toBe('invalid-request')
    const { param, message: words, code } = thrown
    return { param, message: words, code, isRefused: true }
  }
}

/** Faults that the gateway itself refuses. */
const neededPath = /^(model|messages|messages\[\d+\]|messages\[\d+\]\.role|stream)$/

describe('an invalid body', () => {
  for (const [sent, param, text] of invalid)
    test(text, () => {
      const error = failure(sent)
      const isRefused = param === undefined || (neededPath.test(param) && !JSON.stringify(sent).includes('archivist'))
      expect([error?.param, error?.message, error?.isRefused]).toEqual([param, text, isRefused])
      if (!isRefused && typeof sent === 'object') expect(throughUs({ ...sent })).toEqual({ ...sent })
    })

  test('the codes are those of OpenAI', () => {
    const codes = [{ model: 'm' }, part({ type: 'text' }), { ...body, seed: 'a' }, { ...body, n: 0 }].map(
      (sent) => failure(sent)?.code,
    )
    expect(codes).toEqual(['missing_required_parameter', 'missing_required_parameter', 'invalid_type', 'invalid_value'])
  })
})

const schema = { type: 'object', properties: { a: { type: 'string' } } }

/** Unusual values, and their meaning for an upstream of another dialect; undefined if they have none. */
const unusual: readonly (readonly [Body, Partial<Parameters>])[] = [
  [{ temperature: '0.7' }, { temperature: 0.7 }],
  [{ top_p: '1' }, { topP: 1 }],
  [{ seed: -7 }, { seed: -7 }],
  [{ seed: '42' }, { seed: 42 }],
  [{ max_tokens: 0 }, { maxTokens: 0 }],
  [{ max_tokens: -1 }, {}],
  [{ max_completion_tokens: '100' }, { maxTokens: 100 }],
  [{ n: '2' }, { choices: 2 }],
  [{ logprobs: 1 }, { logprobs: true }],
  [{ logprobs: 5 }, { logprobs: true }],
  [{ logprobs: 0 }, { logprobs: false }],
  [{ logprobs: 'true' }, { logprobs: true }],
  [{ parallel_tool_calls: 'false' }, { parallelToolCalls: false }],
  [{ user: 7 }, { user: '7' }],
  [{ stop: '' }, {}],
  [{ stop: [] }, {}],
  [{ stop: ['', 'a'] }, { stop: ['a'] }],
  [{ stop: [1] }, { stop: ['1'] }],
  [{ response_format: 'json_object' }, { responseFormat: { type: 'json' } }],
  [{ response_format: {} }, {}],
  [
    { response_format: { type: 'json_schema', schema } },
    { responseFormat: { type: 'json-schema', name: 'response', schema } },
  ],
  [
    { response_format: { type: 'json_schema', name: 'n', strict: true, schema } },
    { responseFormat: { type: 'json-schema', name: 'n', strict: true, schema } },
  ],
  [
    { response_format: { type: 'json_schema', json_schema: { schema } } },
    { responseFormat: { type: 'json-schema', name: 'response', schema } },
  ],
  [
    { response_format: { type: 'json_schema', json_schema: schema } },
    { responseFormat: { type: 'json-schema', name: 'response', schema } },
  ],
  [
    { response_format: { type: 'json_schema', json_schema: { name: null, schema, strict: 'yes' } } },
    { responseFormat: { type: 'json-schema', name: 'response', schema } },
  ],
  [{ tool_choice: 'any' }, { toolChoice: { type: 'required' } }],
  [{ tool_choice: { type: 'any' } }, { toolChoice: { type: 'required' } }],
  [{ tool_choice: { type: 'tool', name: 'f' } }, { toolChoice: { type: 'function', name: 'f' } }],
  [{ tool_choice: { type: 'function', name: 'f' } }, { toolChoice: { type: 'function', name: 'f' } }],
  [{ tool_choice: { function: { name: 'f' } } }, { toolChoice: { type: 'function', name: 'f' } }],
  [{ tools: { type: 'function', function: { name: 'f' } } }, { tools: [{ type: 'function', name: 'f' }] }],
  [{ tools: [{ function: { name: 'f' } }] }, { tools: [{ type: 'function', name: 'f' }] }],
  [
    { tools: [{ type: 'function', name: 'f', description: 'd', parameters: schema }] },
    { tools: [{ type: 'function', name: 'f', description: 'd', parameters: schema }] },
  ],
  [{ tools: [{ name: 'f', input_schema: schema }] }, { tools: [{ type: 'function', name: 'f', parameters: schema }] }],
  [
    { tools: [{ type: 'function', function: { name: 'f', description: 5, parameters: [], strict: 'true' } }] },
    { tools: [{ type: 'function', name: 'f', strict: true }] },
  ],
]

describe('an unusual value leaves unchanged, and is understood', () => {
  for (const [sent, understood] of unusual)
    test(JSON.stringify(sent), () => {
      expect(throughUs({ ...body, ...sent })).toEqual({ ...body, ...sent })
      const { request } = decodeRequest({ ...body, ...sent })
      expect(request.parameters).toEqual(understood)
      expect(request.unread).toBeUndefined()
    })

  test('a request that a layer has changed leaves with the change', () => {
    const { request } = decodeRequest({ ...body, temperature: '0.7', stop: '', seed: 'x' })
    const changed = { ...request, parameters: { ...request.parameters, temperature: 0.5, stop: ['b'] } }
    expect(encodeRequest(changed)).toEqual({ ...body, temperature: 0.5, stop: ['b'], seed: 'x' })
  })

  const messages: readonly (readonly [Body, Partial<Message>])[] = [
    [{ role: 'user' }, { role: 'user', content: [{ type: 'text', text: '' }] }],
    [
      { role: 'user', content: null },
      { role: 'user', content: [{ type: 'text', text: '' }] },
    ],
    [
      { role: 'USER', content: 'a' },
      { role: 'user', content: [{ type: 'text', text: 'a' }] },
    ],
    [
      { role: 'user', content: 7 },
      { role: 'user', content: [{ type: 'text', text: '7' }] },
    ],
    [
      { role: 'user', content: { type: 'text', text: 'a' } },
      { role: 'user', content: [{ type: 'text', text: 'a' }] },
    ],
    [
      { role: 'user', content: ['a'] },
      { role: 'user', content: [{ type: 'text', text: 'a' }] },
    ],
    [
      { role: 'user', content: [{ text: 'a' }] },
      { role: 'user', content: [{ type: 'text', text: 'a' }] },
    ],
    [
      { role: 'user', content: [{ type: 'image_url', image_url: 'https://example.test/a' }] },
      { role: 'user', content: [{ type: 'image', url: 'https://example.test/a' }] },
    ],
    [
      { role: 'tool', tool_call_id: 7, content: null },
      { role: 'tool', content: [{ type: 'text', text: '' }], toolCallId: '7' },
    ],
    [
      {
        role: 'assistant',
        content: null,
        reasoning_content: [],
        tool_calls: { id: 'c', function: { name: 'f', arguments: { a: 1 } } },
      },
      { role: 'assistant', content: [{ type: 'tool-call', id: 'c', name: 'f', arguments: '{"a":1}' }] },
    ],
    [
      { role: 'assistant', content: null, tool_calls: [{ id: 3, type: 'function', function: { name: 'f' } }] },
      { role: 'assistant', content: [{ type: 'tool-call', id: '3', name: 'f', arguments: '' }] },
    ],
  ]
  for (const [sent, understood] of messages)
    test(JSON.stringify(sent), () => {
      expect(throughUs(message(sent))).toEqual(message(sent))
      const [found] = decodeRequest(message(sent)).request.messages
      expect({ ...found, extra: undefined }).toMatchObject(understood)
    })

  test('stream may have unusual values', () => {
    const streams = [true, 'true', 'True', 1, false, 'false', 0, null].map((stream) =>
      decodeRequest({ ...body, stream, stream_options: { include_usage: stream } }),
    )
    expect(streams.map(({ request }) => request.stream)).toEqual([true, true, true, true, false, false, false, false])
    expect(streams.map(({ includeUsage }) => includeUsage)).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ])
    expect(decodeRequest({ ...body, stream_options: 'all' }).includeUsage).toBe(false)
  })
})

describe('counts have bounds', () => {
  const many = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)
  const over: Readonly<Record<string, Body>> = {
    messages: { ...body, messages: many(20_001, hello) },
    'messages[0].content': message({ role: 'user', content: many(20_001, { type: 'text', text: 'a' }) }),
    'messages[0].tool_calls': message({ role: 'assistant', tool_calls: many(1_025, call) }),
    tools: { ...body, tools: many(4_097, { type: 'function', function: { name: 'f' } }) },
  }
  for (const [param, sent] of Object.entries(over))
    test(`${param} over it`, () => {
      const thrown = captured(() => decodeRequest(sent))
      expect(thrown).toMatchObject({ reason: 'too-large', param })
      expect(String(thrown)).toMatch(/more than [\d]+ /)
    })

  test('other work gets a turn after about 2,000 items', () => {
    const steps = (messages: readonly unknown[]) => [...decodeSteps({ ...body, messages })].length
    const parted = { role: 'user', content: many(500, { type: 'text', text: 'a' }) }
    expect([steps(many(1_999, hello)), steps(many(20_000, hello)), steps(many(40, parted))]).toEqual([0, 10, 10])
  })

  test('a body at the bound is read', () => {
    expect(decodeRequest({ ...body, messages: many(20_000, hello) }).request.messages).toHaveLength(20_000)
  })

  test('after the first invalid item no other is read', () => {
    const looked = { messages: 0, parts: 0, calls: 0, tools: 0, words: 0 }
    const counted = (kind: keyof typeof looked, one: object) =>
      Object.defineProperty({ ...one }, kind === 'messages' ? 'content' : 'type', {
        enumerable: true,
        get: () => {
          looked[kind]++
          return undefined
        },
      })
    decodeRequest({ ...body, messages: many(1_000, 0).map(() => counted('messages', { role: 'archivist' })) })
    decodeRequest(message({ role: 'user', content: many(1_000, 0).map(() => counted('parts', {})) }))
    decodeRequest(message({ role: 'assistant', tool_calls: many(1_000, 0).map(() => counted('calls', {})) }))
    decodeRequest({ ...body, tools: many(1_000, 0).map(() => counted('tools', {})) })
    // each message is counted and copied; parts, calls and tools are normalized once
    expect(looked.messages).toBeLessThan(4_000)
    expect(looked.parts).toBeLessThan(4_000)
    expect(looked.calls).toBeLessThan(4_000)
    expect(looked.tools).toBeLessThan(20)
  })
})

function captured(run: () => unknown): unknown {
  try {
    return run()
  } catch (thrown) {
    return thrown
  }
}

/** Lists every path of a value, as keys from the top. */
function paths(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [
    path,
    ...Object.entries(value).flatMap(([key, inner]) =>
      paths(inner, [...path, Array.isArray(value) ? Number(key) : key]),
    ),
  ]
}

function replaced(value: unknown, [key, ...path]: readonly (string | number)[], by: unknown): unknown {
  if (key === undefined) return by
  if (Array.isArray(value)) return value.map((inner, at) => (at === key ? replaced(inner, path, by) : inner))
  const inner: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  return { ...Object(value), [key]: replaced(inner, path, by) }
}

function written(path: readonly (string | number)[]): string {
  return path.map((key, at) => (typeof key === 'number' ? `[${key}]` : `${at ? '.' : ''}${key}`)).join('')
}

/** A body with every member that has a documented type. */
const typed = {
  model: 'm',
  messages: [
    { role: 'system', content: 'a', name: 'n' },
    { role: 'assistant', content: 'a', refusal: 'no', tool_calls: [call] },
    { role: 'tool', content: 'a', tool_call_id: 'c' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'a' },
        { type: 'image_url', image_url: { url: 'u', detail: 'low' } },
        { type: 'input_audio', input_audio: { data: 'd', format: 'wav' } },
        { type: 'file', file: { file_id: 'f' } },
      ],
    },
  ],
  tools: [{ type: 'function', function: { name: 'f', description: 'd', strict: true } }],
  response_format: { type: 'json_schema', json_schema: { name: 'n', strict: true } },
  stop: ['a'],
  temperature: 1,
  top_p: 1,
  max_tokens: 1,
  max_completion_tokens: 1,
  seed: 1,
  n: 1,
  logprobs: true,
  top_logprobs: 1,
  user: 'u',
  metadata: {},
  logit_bias: { a: 1 },
  store: true,
  stream: true,
  stream_options: { include_usage: true },
  parallel_tool_calls: true,
  modalities: ['text'],
  functions: [{}],
}

describe('a value of the wrong type', () => {
  const secret = 'sk-0123456789-private'
  for (const path of paths(typed).slice(1)) {
    test(`${written(path)} leaves unchanged, or the error names its path without the value`, () => {
      const was = path.reduce<unknown>((value, key) => Reflect.get(Object(value), key), typed)
      const wrong = typeof was === 'string' || Array.isArray(was) ? { [secret]: secret } : [secret]
      const sent = replaced(typed, path, wrong)
      const error = failure(sent)
      expect(error?.isRefused ?? false).toBe(neededPath.test(written(path)))
      if (error) expect(written(path)).toStartWith(error.param?.replace(/\[0\]\.type$|\.sk-.*$/, '') ?? '')
      expect(error?.message ?? '').not.toContain(secret)
      if (error?.isRefused || path[0] === 'stream_options') return
      const { stream: _, stream_options: _options, ...others } = { ...Object(sent) }
      expect(throughUs(Object(sent))).toEqual(others)
    })
  }
})

describe('keys of prototypes (reliability, item 29)', () => {
  const keys = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']
  const everything = { ...typed, ...parameters, tools: typed.tools, response_format: typed.response_format }
  const objects = paths(everything).filter((path) => {
    const value = path.reduce<unknown>((inner, key) => Reflect.get(Object(inner), key), everything)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  })
  for (const key of keys)
    test(`${key} at every level pollutes nothing`, () => {
      for (const path of objects) {
        const planted = JSON.stringify(
          replaced(everything, [...path, '\u0001'], { polluted: true, prototype: { polluted: true } }),
        )
        const error = failure(JSON.parse(planted.replaceAll('"\\u0001"', JSON.stringify(key))))
        if (!error)
          encodeRequest(decodeRequest(JSON.parse(planted.replaceAll('"\\u0001"', JSON.stringify(key)))).request)
        expect(Reflect.get({}, 'polluted')).toBeUndefined()
        expect(Reflect.get(Object, 'polluted')).toBeUndefined()
      }
    })

  test('a prototype in a body does not supply a model or messages', () => {
    expect(failure(JSON.parse('{"__proto__":{"model":"m"},"messages":[{"role":"user","content":"a"}]}'))?.param).toBe(
      'model',
    )
    expect(failure(JSON.parse('{"model":"m","messages":[{"__proto__":{"role":"user","content":"a"}}]}'))?.param).toBe(
      'messages[0].role',
    )
  })
})

test('any JSON is a request or a ChatError, and a second round trip changes nothing', () => {
  const any = fc.oneof(fc.json(), fc.constant(JSON.stringify(typed)))
  const planted = fc
    .tuple(fc.constantFrom(...paths(typed)), fc.jsonValue())
    .map(([path, value]) => JSON.stringify(replaced(typed, path, value)))
  fc.assert(
    fc.property(fc.oneof(any, planted), (json) => {
      const sent: unknown = JSON.parse(json)
      if (failure(sent)) return
      const once = JSON.stringify(encodeRequest(decodeRequest(sent).request))
      expect(JSON.stringify(encodeRequest(decodeRequest(JSON.parse(once)).request))).toBe(once)
    }),
    { numRuns: runs(2_000) },
  )
}, 30_000)
