import { afterAll, beforeAll, expect, test } from 'bun:test'
import { build, type Running, start } from './program.ts'

// Requests of well-known programs to every kind of upstream. Each answers, or names the parameter that it does not support.

let demo: Running
beforeAll(async () => {
  await build()
  demo = await start({}, { args: ['demo'] })
}, 120_000)
afterAll(() => demo[Symbol.asyncDispose]())

const withTools = [
  'openai/gpt-5-mini',
  'anthropic/claude-haiku-4-5',
  'cohere/command-a-03-2025',
  'ai21/jamba-mini',
  'mistral/mistral-small-latest',
  'smithery/claude-haiku-4.5',
]
const withoutTools = ['cto/ClaudeSonnet4_5', 'langfast/gpt-4o', 'rawbot-omnibus']

const user = (...texts: readonly string[]) => ({
  role: 'user',
  content: texts.map((text) => ({ type: 'text', text })),
})
const asked = { role: 'user', content: 'call weather' }
const hello = { role: 'user', content: 'Hello' }
const system = { role: 'system', content: 'You help.' }
const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } }
const result = { role: 'tool', tool_call_id: 'call_1', content: 'sunny' }
const parameters = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  properties: { city: { type: ['string', 'null'] } },
  required: ['city'],
  additionalProperties: false,
}
const tools = [
  { type: 'function', function: { name: 'weather', description: 'It.', parameters, strict: false } },
  { type: 'function', function: { name: 'now', description: '', parameters: {} } },
]
const streamed = { stream: true, stream_options: { include_usage: true } }

const programs: readonly (readonly [string, object])[] = [
  [
    'Open WebUI, after an answer that was stopped',
    { ...streamed, messages: [system, hello, { role: 'assistant', content: '' }, user('Again')] },
  ],
  [
    'Open WebUI, which continues an answer',
    { ...streamed, messages: [hello, { role: 'assistant', content: 'Once upon' }] },
  ],
  ['a title, asked for by instructions after the conversation', { messages: [hello, system], max_tokens: 1000 }],
  [
    'LibreChat',
    {
      ...streamed,
      user: '66f',
      messages: [system, user('Hi'), { ...user('Hi!'), role: 'assistant' }, hello],
    },
  ],
  ['Cherry Studio', { ...streamed, temperature: 1, enable_thinking: false, messages: [hello] }],
  ['Cline', { ...streamed, temperature: 0, messages: [system, user('<task>', '<environment_details>')] }],
  [
    'Cline with tools: the state of the workspace follows the result',
    {
      ...streamed,
      temperature: 0,
      tools,
      tool_choice: 'auto',
      parallel_tool_calls: false,
      messages: [system, asked, { role: 'assistant', tool_calls: [call] }, result, user('<environment_details>')],
    },
  ],
  [
    'Roo Code',
    {
      ...streamed,
      max_completion_tokens: 8192,
      reasoning_effort: 'high',
      tools,
      tool_choice: 'auto',
      parallel_tool_calls: true,
      messages: [system, asked, { role: 'assistant', content: 'So:', tool_calls: [call] }, result, user('<details>')],
    },
  ],
  [
    'Aider',
    { ...streamed, temperature: 0, messages: [system, hello, { role: 'assistant', content: 'Ok.' }, hello, system] },
  ],
  [
    'opencode',
    {
      ...streamed,
      max_tokens: 32_000,
      prompt_cache_key: 'session',
      tools,
      tool_choice: 'auto',
      messages: [
        system,
        system,
        asked,
        { role: 'assistant', content: '', reasoning_content: 'Hm.', tool_calls: [call] },
        result,
      ],
    },
  ],
  [
    'Zed',
    {
      ...streamed,
      stop: [],
      temperature: 1,
      tools,
      tool_choice: 'auto',
      messages: [
        user('call weather'),
        { role: 'assistant', content: null, tool_calls: [call] },
        { ...result, content: user('sunny').content },
      ],
    },
  ],
  [
    'Zed without tools',
    { ...streamed, stop: [], tools: [], messages: [hello, { role: 'assistant', content: null }, hello] },
  ],
  [
    'n8n',
    {
      n: 1,
      top_p: 1,
      frequency_penalty: 0,
      presence_penalty: 0,
      tools,
      messages: [
        system,
        asked,
        { role: 'assistant', content: 'So:', tool_calls: [call] },
        { ...result, name: 'weather' },
      ],
    },
  ],
  [
    'null in every member',
    {
      messages: [hello],
      temperature: null,
      stop: null,
      n: null,
      tools: null,
      tool_choice: null,
      functions: null,
      response_format: null,
      stream_options: null,
      logit_bias: null,
      max_tokens: null,
    },
  ],
]

for (const [name, body] of programs) {
  const needsTools = 'tools' in body && Array.isArray(body.tools) && body.tools.length > 0

  test(`${name}: answered`, async () => {
    const models = needsTools ? withTools : [...withTools, ...withoutTools]
    const answers = await Promise.all(models.map(async (model) => ({ model, ...(await ask(model, body)) })))
    expect(answers.filter(({ status, isWhole }) => status !== 200 || !isWhole)).toEqual([])
  })

  if (needsTools)
    test(`${name}: refused because of its tools`, async () => {
      for (const model of withoutTools)
        expect(await ask(model, body)).toMatchObject({ status: 400, text: expect.stringContaining('"param":"tools"') })
    })
}

async function ask(model: string, body: object) {
  const response = await fetch(`${demo.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer unused', 'x-title': 'a program' },
    body: JSON.stringify({ model, ...body }),
  })
  const text = await response.text()
  const isWhole = 'stream' in body ? text.endsWith('data: [DONE]\n\n') : text.includes('"finish_reason":"')
  return { status: response.status, isWhole, text }
}
