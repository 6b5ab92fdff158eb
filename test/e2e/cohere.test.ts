import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import OpenAI, { BadRequestError } from 'openai'
import { type CohereEmulator, cohereEvent, emulateCohere } from '../../src/providers/cohere/emulator/index.ts'
import { measureBelow, until } from '../waiting.ts'
import { build, type Running, start } from './program.ts'
import { errorOf, runnable, weatherAndTime } from './sdk.ts'

// The official SDK asks the executable, with Cohere as the upstream. Clients must not notice the other dialect.

beforeAll(build, 120_000)

const key = 'sk-client-0123456789abcdef'
const hello = { model: 'cohere/command-test', messages: [{ role: 'user' as const, content: 'Hello there' }] }
const callBoth = {
  ...hello,
  messages: [{ role: 'user' as const, content: 'call weather time' }],
  tools: weatherAndTime,
}

let cohere: CohereEmulator
let gateway: Running
let client: OpenAI
beforeAll(async () => {
  cohere = await emulateCohere({ keys: ['token-one', 'token-two'], pageSize: 2 })
  gateway = await start({
    API_MASTER_KEY: key,
    COHERE_BASE_URL: cohere.origin,
    COHERE_TOKEN_1: 'token-one',
    COHERE_TOKEN_2: 'token-two',
  })
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 })
}, 120_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await cohere.close()
})

/** The emulator's counts, as OpenAI writes them. */
const usage = {
  prompt_tokens: 7,
  completion_tokens: 5,
  total_tokens: 12,
  prompt_tokens_details: { cached_tokens: 2 },
  billed_units: { input_tokens: 4, output_tokens: 4 },
}

describe('an answer', () => {
  test('comes whole, with real and billed usage', async () => {
    const { data, response } = await client.chat.completions.create(hello).withResponse()
    expect(data).toMatchObject({
      object: 'chat.completion',
      model: 'cohere/command-test',
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          message: { role: 'assistant', content: 'You said: Hello there', refusal: null },
        },
      ],
      usage,
    })
    expect(response.headers.get('x-tributary-upstream')).toBe('cohere')
  })

  test('streams, with usage for a client that asks for it', async () => {
    const asked = { ...hello, stream: true as const, stream_options: { include_usage: true } }
    const chunks = await Array.fromAsync(await client.chat.completions.create(asked))
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    const texts = chunks.flatMap(({ choices }) => choices[0]?.delta.content || [])
    expect(texts).toEqual(['You', ' said:', ' Hello', ' there'])
    expect(chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])).toEqual(['stop'])
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage })
    const without = await Array.fromAsync(await client.chat.completions.create({ ...hello, stream: true }))
    expect(without.every((chunk) => chunk.usage === undefined)).toBe(true)
  })

  test('that is too long has the finish reason length', async () => {
    const { choices } = await client.chat.completions.create({ ...hello, max_completion_tokens: 2 })
    expect(choices).toMatchObject([{ finish_reason: 'length', message: { content: 'You said:' } }])
  })

  test('has its reasoning', async () => {
    const asked = { ...hello, reasoning_effort: 'low' as const }
    const thought = { reasoning_content: 'Let me think.', content: 'You said: Hello there' }
    expect((await client.chat.completions.create(asked)).choices[0]?.message).toMatchObject(thought)
    expect(cohere.chats.at(-1)?.thinking).toEqual({ type: 'enabled' })
    const stream = client.chat.completions.stream(asked)
    expect((await stream.finalMessage()).content).toBe(thought.content)
  })

  test('has its citations', async () => {
    const documents = [{ data: { title: 'Tides', url: 'https://example.com/tides' } }]
    // the SDK keeps unknown members
    const { choices } = await client.chat.completions.create({ ...hello, ...{ documents } })
    expect(choices[0]?.message.annotations).toMatchObject([
      {
        type: 'url_citation',
        url_citation: {
          url: 'https://example.com/tides',
          title: 'Tides',
          start_index: 0,
          end_index: 3,
          citation: { text: 'You', sources: [{ id: 'doc:0' }] },
        },
      },
    ])
  })

  test('is JSON if the client asks for it', async () => {
    const schema = { type: 'object', properties: { said: { type: 'string' } }, required: ['said'] }
    const response_format = { type: 'json_schema' as const, json_schema: { name: 'x', schema } }
    const { choices } = await client.chat.completions.parse({ ...hello, response_format })
    expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({ said: 'Hello there' })
    expect(cohere.chats.at(-1)?.response_format).toEqual({ type: 'json_object', json_schema: schema })
  })

  test('uses every parameter, and a header says how each was used', async () => {
    const parameters = { temperature: 0.3, top_p: 1, seed: 7, stop: 'a', frequency_penalty: 0.1, presence_penalty: 0.2 }
    const asked = { ...hello, ...parameters, max_tokens: 9, user: 'ann', logit_bias: { '1': 1 }, ...{ k: 5 } }
    const { response } = await client.chat.completions.create(asked).withResponse()
    const { messages: _, ...sent } = cohere.chats.at(-1) ?? {}
    expect(sent).toEqual({
      model: 'command-test',
      stream: true,
      temperature: 0.3,
      p: 0.99,
      seed: 7,
      stop_sequences: ['a'],
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      max_tokens: 9,
      k: 5,
    })
    const said = (response.headers.get('x-tributary-parameters') ?? '').split(', ').sort()
    expect(said).toEqual(
      [
        'frequency_penalty=honoured',
        'k=honoured',
        'logit_bias=dropped',
        'max_tokens=mapped',
        'presence_penalty=honoured',
        'seed=honoured',
        'stop=mapped',
        'temperature=honoured',
        'top_p=mapped',
        'user=dropped',
      ].sort(),
    )
  })

  for (const stream of [false, true])
    test(`has two choices for n: 2 ${stream ? 'with' : 'without'} streaming`, async () => {
      const before = cohere.chats.length
      const texts = ['', '']
      if (stream) {
        for await (const { choices } of await client.chat.completions.create({ ...hello, n: 2, stream: true }))
          for (const { index, delta } of choices) texts[index] += delta.content ?? ''
      } else {
        const answer = await client.chat.completions.create({ ...hello, n: 2 })
        for (const { index, message } of answer.choices) texts[index] = message.content ?? ''
        expect(answer.usage?.completion_tokens).toBe(10)
      }
      expect(texts).toEqual(['You said: Hello there', 'You said: Hello there'])
      expect(cohere.chats.length - before).toBe(2)
    })

  test('uses the tokens in turn', async () => {
    const before = cohere.requests.length
    // a conversation stays with its token, so each is another one
    for (let at = 0; at < 6; at++)
      await client.chat.completions.create({ ...hello, messages: [{ role: 'user', content: crypto.randomUUID() }] })
    const sent = cohere.requests.slice(before).map(({ headers }) => headers.get('authorization'))
    expect(sent.filter((header) => header === 'Bearer token-one')).toHaveLength(3)
  })

  test('can be about a picture', async () => {
    const url = `data:image/png;base64,${'iVBORw0KGgo'.repeat(20_000)}`
    const content = [
      { type: 'text' as const, text: 'What is this?' },
      { type: 'image_url' as const, image_url: { url, detail: 'high' as const } },
    ]
    const asked = { model: 'cohere/command-vision-test', messages: [{ role: 'user' as const, content }] }
    const { choices } = await client.chat.completions.create(asked)
    expect(choices[0]?.message.content).toBe('You said: What is this? [image_url]')
    expect(cohere.chats.at(-1)?.messages).toEqual([{ role: 'user', content }])
  })
})

test('the models of every page are listed', async () => {
  const listed = await Array.fromAsync(client.models.list())
  // `rawbot-omnibus` is in the list too
  expect(listed.map(({ id }) => id).filter((id) => id.includes('/'))).toEqual([
    'cohere/command-test',
    'cohere/command-vision-test',
    'cohere/command-reasoning-test',
  ])
})

describe('tools', () => {
  const calls = ['weather', 'time'].map((name, at) => ({
    id: `${name}_${at + 1}`,
    type: 'function',
    function: { name, arguments: '{"city":"Paris"}' },
  }))

  test('are called, two at once, after a plan', async () => {
    const { choices } = await client.chat.completions.create(callBoth)
    expect(choices).toMatchObject([
      {
        finish_reason: 'tool_calls',
        message: { content: null, reasoning_content: 'I will call weather and time.', tool_calls: calls },
      },
    ])
  })

  test('are called in a stream', async () => {
    const stream = client.chat.completions.stream(callBoth)
    const done: unknown[] = []
    stream.on('tool_calls.function.arguments.done', ({ index, name, arguments: json }) =>
      done.push([index, name, json]),
    )
    const { choices } = await stream.finalChatCompletion()
    expect(done).toEqual([
      [0, 'weather', '{"city":"Paris"}'],
      [1, 'time', '{"city":"Paris"}'],
    ])
    expect(choices).toMatchObject([{ finish_reason: 'tool_calls', message: { tool_calls: calls } }])
  })

  for (const [tool_choice, sent, called] of [
    ['none', { names: ['weather', 'time'], choice: 'NONE' }, 0],
    ['required', { names: ['weather', 'time'], choice: 'REQUIRED' }, 1],
    [{ type: 'function', function: { name: 'time' } }, { names: ['time'], choice: 'REQUIRED' }, 1],
  ] as const)
    test(`with the choice ${JSON.stringify(tool_choice)}`, async () => {
      const { choices } = await client.chat.completions.create({ ...hello, tools: weatherAndTime, tool_choice })
      expect(choices[0]?.message.tool_calls ?? []).toHaveLength(called)
      const chat = cohere.chats.at(-1)
      expect({ names: chat?.tools?.map((tool) => tool.function.name), choice: chat?.tool_choice }).toEqual({
        names: [...sent.names],
        choice: sent.choice,
      })
    })

  for (const stream of [false, true])
    test(`get their results over several turns ${stream ? 'with' : 'without'} streaming`, async () => {
      const messages = [{ role: 'system' as const, content: 'Be brief.' }, ...callBoth.messages]
      const asked = { model: hello.model, messages, tools: runnable }
      const runner = stream
        ? client.chat.completions.runTools({ ...asked, stream: true })
        : client.chat.completions.runTools(asked)
      expect(await runner.finalContent()).toBe('You said: time!')
      expect(cohere.chats.at(-1)?.messages).toMatchObject([
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'call weather time' },
        { role: 'assistant', tool_calls: calls },
        { role: 'tool', tool_call_id: 'weather_1', content: 'weather!' },
        { role: 'tool', tool_call_id: 'time_2', content: 'time!' },
      ])
    })
})

test('a plan that a client sends back reaches Cohere as a plan', async () => {
  const { choices } = await client.chat.completions.create(callBoth)
  const said = choices[0]?.message
  if (!said) throw new Error('nothing was said')
  const results = (said.tool_calls ?? []).map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: id }))
  await client.chat.completions.create({ ...callBoth, messages: [...callBoth.messages, said, ...results] })
  expect(cohere.chats.at(-1)?.messages).toMatchObject([
    {},
    { role: 'assistant', tool_plan: 'I will call weather and time.' },
    { role: 'tool', content: 'weather_1' },
    { role: 'tool', content: 'time_2' },
  ])
})

describe('a client that leaves', () => {
  const opening = cohereEvent({ type: 'message-start', delta: { message: { role: 'assistant' } } })
  const word = cohereEvent({ type: 'content-delta', index: 0, delta: { message: { content: { text: 'word' } } } })

  for (const stream of [true, false])
    for (const [when, script] of [
      ['before the head', { headDelayMs: 10_000 }],
      ['before the first event', { body: [opening], ending: 'stall' }],
    ] as const)
      test(`${when}, ${stream ? 'SSE' : 'JSON'}, ends the request to Cohere at once`, async () => {
        await measureBelow(50, 'milliseconds until the request has ended', async () => {
          const [chats, closed] = [cohere.chats.length, cohere.closedAt.length]
          cohere.script(script)
          const leaving = new AbortController()
          const asked = client.chat.completions
            .create({ ...hello, stream }, { signal: leaving.signal })
            .catch(() => 'left')
          await until(() => cohere.chats.length > chats, 20_000, 'the request')
          const leftAt = performance.now()
          leaving.abort()
          expect(await asked).toBe('left')
          await until(() => cohere.closedAt.length > closed, 1_000, 'the end of the request')
          return (cohere.closedAt.at(-1) ?? 0) - leftAt
        })
      })

  test('in the middle of a stream ends the request to Cohere at once', async () => {
    await measureBelow(50, 'milliseconds until the request has ended', async () => {
      const closed = cohere.closedAt.length
      cohere.script({ body: [opening, word], ending: 'stall' })
      const stream = await client.chat.completions.create({ ...hello, stream: true })
      let leftAt = 0
      for await (const _ of stream) {
        leftAt = performance.now()
        stream.controller.abort()
      }
      await until(() => cohere.closedAt.length > closed, 1_000, 'the end of the request')
      return (cohere.closedAt.at(-1) ?? 0) - leftAt
    })
  })
})

describe('a parameter that Cohere does not support is refused', () => {
  const audio = { type: 'input_audio' as const, input_audio: { data: 'AAAA', format: 'wav' as const } }
  const file = { type: 'file' as const, file: { file_id: 'file-1' } }
  const custom = { type: 'custom' as const, custom: { name: 'shell' } }
  const allowed = { type: 'allowed_tools' as const, allowed_tools: { mode: 'auto' as const, tools: [] } }
  type Asked = Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>
  const rows: readonly (readonly [string, Asked])[] = [
    ['messages[0].content[0]', { messages: [{ role: 'user', content: [audio] }] }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: [file] }] }],
    ['tools', { tools: [...weatherAndTime, custom] }],
    ['tool_choice', { tools: weatherAndTime, tool_choice: allowed }],
  ]
  for (const [param, rest] of rows)
    test(`${param}: ${JSON.stringify(rest).slice(0, 60)}`, async () => {
      const before = cohere.chats.length
      const error = await errorOf(client.chat.completions.create({ ...hello, ...rest }))
      expect(error).toBeInstanceOf(BadRequestError)
      expect(error).toMatchObject({ status: 400, code: 'unsupported_parameter', param })
      expect(cohere.chats.length).toBe(before)
    })
})
