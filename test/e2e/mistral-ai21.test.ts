import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import OpenAI, { BadRequestError } from 'openai'
import { type EmulatedService, frame } from '../../src/clients/openai-chat/emulator/service.ts'
import { emulateAi21 } from '../../src/providers/ai21/emulator/index.ts'
import { emulateMistral } from '../../src/providers/mistral/emulator/index.ts'
import { measureBelow, until } from '../waiting.ts'
import { build, type Running, start } from './program.ts'
import { errorOf, runnable, weatherAndTime } from './sdk.ts'

// The official SDK sends requests to the executable. Its upstreams are emulators that are as strict as the services.

beforeAll(build, 120_000)

const key = 'sk-client-0123456789abcdef'
let mistral: EmulatedService
let ai21: EmulatedService
let gateway: Running
let client: OpenAI
beforeAll(async () => {
  mistral = await emulateMistral({ keys: ['mistral-one', 'mistral-two'] })
  ai21 = await emulateAi21({ keys: ['ai21-one', 'ai21-two'] })
  gateway = await start({
    API_MASTER_KEY: key,
    MISTRAL_BASE_URL: mistral.origin,
    MISTRAL_TOKEN_1: 'mistral-one',
    MISTRAL_TOKEN_2: 'mistral-two',
    AI21_BASE_URL: ai21.origin,
    AI21_TOKEN_1: 'ai21-one',
    AI21_TOKEN_2: 'ai21-two',
  })
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 })
}, 120_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await mistral.close()
  await ai21.close()
})

const subjects = [
  {
    name: 'mistral',
    model: 'mistral/mistral-small-latest',
    upstreamModel: 'mistral-small-latest',
    emulator: () => mistral,
  },
  { name: 'ai21', model: 'ai21/jamba-mini', upstreamModel: 'jamba-mini', emulator: () => ai21 },
] as const
const messages = [{ role: 'user' as const, content: 'Hello there' }]
const callTwo = { messages: [{ role: 'user' as const, content: 'call weather time' }], tools: weatherAndTime }

const receiptOf = (response: Response) => response.headers.get('x-tributary-parameters')?.split(', ').sort()

for (const { name, model, upstreamModel, emulator } of subjects) {
  describe(name, () => {
    test('a reply that is not streamed has every member that the typed client knows', async () => {
      const { data, response } = await client.chat.completions.create({ model, messages }).withResponse()
      expect(data).toMatchObject({
        id: `chatcmpl-${response.headers.get('x-request-id')}`,
        object: 'chat.completion',
        model,
        choices: [
          { index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'You said: Hello there' } },
        ],
        usage: { prompt_tokens: 7, completion_tokens: 4, total_tokens: 11 },
      })
      expect(data.created).toBeGreaterThan(1_700_000_000)
      expect(emulator().chats.at(-1)).toEqual({ model: upstreamModel, messages })
    })

    test('streams, and adds the usage only if the client asks for it', async () => {
      const request = { model, messages, stream: true as const }
      const plain = await Array.fromAsync(await client.chat.completions.create(request))
      expect(plain.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('You said: Hello there')
      expect(plain[0]?.choices[0]?.delta.role).toBe('assistant')
      expect(plain.map(({ choices }) => choices[0]?.finish_reason).filter(Boolean)).toEqual(['stop'])
      expect(plain.every(({ usage, choices }) => usage === undefined && choices.length === 1)).toBe(true)
      expect(
        new Set(plain.map(({ id, created, object, ...head }) => `${id}${created}${object}${head.model}`)).size,
      ).toBe(1)
      expect(plain[0]).toMatchObject({ object: 'chat.completion.chunk', model })
      const counted = await Array.fromAsync(
        await client.chat.completions.create({ ...request, stream_options: { include_usage: true } }),
      )
      expect(counted.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 4 } })
      expect(counted.slice(0, -1).every(({ usage }) => usage === null)).toBe(true)
      expect(emulator().chats.at(-1)).toEqual({ model: upstreamModel, messages, stream: true })
    })

    test('streams each part at once', async () => {
      const word = frame({ id: 'a', choices: [{ index: 0, delta: { content: 'now' }, finish_reason: null }] })
      emulator().script({ body: [word], ending: 'stall' })
      const stream = await client.chat.completions.create({ model, messages, stream: true })
      for await (const { choices } of stream) {
        expect(choices[0]?.delta.content).toBe('now')
        break
      }
    })

    for (const stream of [false, true])
      test(`calls tools ${stream ? 'with' : 'without'} streaming, and continues with their results`, async () => {
        const completion = stream
          ? await client.chat.completions.stream({ model, ...callTwo }).finalChatCompletion()
          : await client.chat.completions.create({ model, ...callTwo })
        const [choice] = completion.choices
        expect(choice?.finish_reason).toBe('tool_calls')
        const calls = choice?.message.tool_calls?.filter((call) => call.type === 'function') ?? []
        expect(calls.map(({ function: called }) => [called.name, called.arguments])).toEqual([
          ['weather', '{"city":"Paris"}'],
          ['time', '{"city":"Paris"}'],
        ])
        const results = calls.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: 'Sunny.' }))
        const turn = { role: 'assistant' as const, content: null, tool_calls: calls }
        const answer = await client.chat.completions.create({
          model,
          tools: weatherAndTime,
          messages: [...messages, turn, ...results],
        })
        expect(answer.choices[0]?.message.content).toBe('You said: Sunny.')
        expect(emulator().chats.at(-1)?.messages).toMatchObject([
          {},
          { tool_calls: calls.map(({ id }) => ({ id })) },
          ...calls.map(({ id }) => ({ tool_call_id: id })),
        ])
      })

    test("continues a conversation with another upstream's tool calls", async () => {
      const id = 'call_abcdefghijklmnopqrstuvwx'
      const called = { id, type: 'function' as const, function: { name: 'weather', arguments: '{"city":"Oslo"}' } }
      const { choices } = await client.chat.completions.create({
        model,
        messages: [
          { role: 'developer', content: 'Be kind.' },
          ...messages,
          { role: 'assistant', content: null, tool_calls: [called] },
          { role: 'tool', tool_call_id: id, content: [{ type: 'text', text: 'Rain.' }] },
        ],
      })
      expect(choices[0]?.message.content).toBe('You said: Rain.')
      expect(emulator().chats.at(-1)?.messages).toMatchObject([{ role: 'system' }, {}, {}, {}])
    })

    test('runTools with streaming asks the model, runs the tools and asks again', async () => {
      const runner = client.chat.completions.runTools({
        model,
        stream: true,
        messages: callTwo.messages,
        tools: runnable,
      })
      expect(await runner.finalContent()).toBe('You said: time!')
    })

    test('returns several choices', async () => {
      for (const stream of [false, true]) {
        const texts = new Map<number, string>()
        const request = { model, messages, n: 2 }
        if (stream)
          for await (const { choices } of await client.chat.completions.create({ ...request, stream }))
            for (const { index, delta } of choices) texts.set(index, (texts.get(index) ?? '') + (delta.content ?? ''))
        else
          for (const { index, message } of (await client.chat.completions.create(request)).choices)
            texts.set(index, message.content ?? '')
        expect([...texts].sort()).toEqual([0, 1].map((index) => [index, 'You said: Hello there']))
      }
    })

    test('uses the next token if the first is rate limited', async () => {
      emulator().script({
        status: 429,
        headers: { 'content-type': 'application/json', 'retry-after': '1' },
        body: ['{"detail":"Slow down."}'],
      })
      const { data, response } = await client.chat.completions.create({ model, messages }).withResponse()
      expect(data.choices[0]?.message.content).toBe('You said: Hello there')
      expect(response.headers.get('x-tributary-attempts')).toBe('2')
    })

    const windows = ['before the head', 'before the first event', 'within the answer'] as const
    for (const [at, window] of windows.entries())
      test(`a client that leaves ${window} ends the request at once`, async () => {
        await measureBelow(50, 'milliseconds until the request has ended', async () => {
          const [chats, closed] = [emulator().chats.length, emulator().closedAt.length]
          const role = frame({ id: 'a', choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] })
          const word = frame({ id: 'a', choices: [{ index: 0, delta: { content: 'word' } }] })
          emulator().script(at === 0 ? { headDelayMs: 10_000 } : { body: [role, word].slice(0, at), ending: 'stall' })
          const leaving = new AbortController()
          const firstWord = Promise.withResolvers<void>()
          const read = async () => {
            const options = { signal: leaving.signal }
            const stream = await client.chat.completions.create({ model, messages, stream: true }, options)
            for await (const { choices } of stream) if (choices[0]?.delta.content) firstWord.resolve()
          }
          const reading = read().catch(() => undefined)
          await until(() => emulator().chats.length > chats, 20_000, 'the request')
          if (at === 2) await firstWord.promise
          const leftAt = performance.now()
          leaving.abort()
          await reading
          await until(() => emulator().closedAt.length > closed, 1_000, 'the end of the request')
          return (emulator().closedAt.at(-1) ?? 0) - leftAt
        })
      })

    test('the gateway answers an unknown model with 404', async () => {
      const [upstream] = model.split('/')
      expect(await errorOf(client.chat.completions.create({ model: `${upstream}/nothing`, messages }))).toMatchObject({
        status: 404,
        code: 'model_not_found',
      })
    })
  })
}

describe('mistral only', () => {
  const [{ model }] = subjects

  test('reports how it used each parameter', async () => {
    const sent = { seed: 7, logit_bias: { '50256': -100 }, max_tokens: 50, user: 'ann', safe_prompt: true }
    const { response } = await client.chat.completions.create({ model, messages, ...sent }).withResponse()
    expect(receiptOf(response)).toEqual([
      'logit_bias=dropped',
      'max_tokens=mapped',
      'safe_prompt=honoured',
      'seed=mapped',
      'user=dropped',
    ])
    expect(mistral.chats.at(-1)).toEqual({
      model: 'mistral-small-latest',
      messages,
      random_seed: 7,
      max_tokens: 50,
      safe_prompt: true,
    })
  })

  test('accepts a picture', async () => {
    const image_url = { url: `data:image/png;base64,${'iVBORw0KGgo'.repeat(5_000)}`, detail: 'low' as const }
    const content = [
      { type: 'text' as const, text: 'What is this?' },
      { type: 'image_url' as const, image_url },
    ]
    const { choices } = await client.chat.completions.create({ model, messages: [{ role: 'user', content }] })
    expect(choices[0]?.message.content).toBe('You said: What is this? [image_url]')
    expect(mistral.chats.at(-1)?.messages).toEqual([{ role: 'user', content }])
    const pictureRequest = client.chat.completions.create({
      model: 'mistral/magistral-small-latest',
      messages: [{ role: 'user', content }],
    })
    expect(await errorOf(pictureRequest)).toBeInstanceOf(BadRequestError)
  })

  test('follows a schema', async () => {
    const json_schema = { name: 'answer', strict: true, schema: { type: 'object', properties: {} } }
    const response_format = { type: 'json_schema' as const, json_schema }
    const { response } = await client.chat.completions.create({ model, messages, response_format }).withResponse()
    expect(mistral.chats.at(-1)).toMatchObject({ response_format })
    expect(receiptOf(response)).toEqual(['response_format=honoured'])
  })

  for (const stream of [false, true])
    test(`returns reasoning and an answer ${stream ? 'with' : 'without'} streaming`, async () => {
      const request = { model: 'mistral/magistral-small-latest', messages }
      const parts: unknown[] = stream
        ? (await Array.fromAsync(await client.chat.completions.create({ ...request, stream }))).map(
            ({ choices }) => choices[0]?.delta,
          )
        : (await client.chat.completions.create(request)).choices.map(({ message }) => message)
      const joined = (field: string) => parts.map((part) => Object(part)[field] ?? '').join('')
      expect(joined('content')).toBe('You said: Hello there')
      expect(joined('reasoning_content')).toBe('Let me think.')
    })

  for (const stream of [false, true])
    test(`arguments that are an object become JSON text ${stream ? 'with' : 'without'} streaming`, async () => {
      const asked = { model: 'mistral/ministral-8b-latest', ...callTwo }
      const { choices } = stream
        ? await client.chat.completions.stream(asked).finalChatCompletion()
        : await client.chat.completions.create(asked)
      expect(choices[0]?.message.tool_calls).toMatchObject(
        ['weather', 'time'].map((name) => ({ type: 'function', function: { name, arguments: '{"city":"Paris"}' } })),
      )
    })

  test('the finish reason model_length becomes length, which a typed client knows', async () => {
    const long = [{ role: 'user' as const, content: 'word '.repeat(80) }]
    const { choices } = await client.chat.completions.create({ model, messages: long })
    expect(choices[0]?.finish_reason).toBe('length')
    const chunks = await Array.fromAsync(await client.chat.completions.create({ model, messages: long, stream: true }))
    expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean)).toEqual(['length'])
  })

  test('a refused field is a 400 that names the field', async () => {
    const error = await errorOf(client.chat.completions.create({ model, messages, top_p: 1.9 }))
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error.param).toBe('top_p')
  })
})

describe('ai21 only', () => {
  const [, { model }] = subjects

  test('reports how it used each parameter', async () => {
    const sent = { seed: 7, logit_bias: { '50256': -100 }, max_tokens: 50, safe_prompt: true, n: 2 }
    const { response } = await client.chat.completions.create({ model, messages, ...sent }).withResponse()
    expect(receiptOf(response)).toEqual([
      'logit_bias=dropped',
      'max_tokens=mapped',
      'n=emulated',
      'safe_prompt=dropped',
      'seed=dropped',
    ])
    expect(ai21.chats.at(-1)).toEqual({ model: 'jamba-mini', messages, max_tokens: 50 })
  })

  const picture = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,AA==' } }
  const json_schema = { name: 'a', schema: {} }
  const refused: readonly (readonly [string, Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>, string])[] = [
    [
      'a schema that must not be emulated',
      { response_format: { type: 'json_schema', json_schema }, ...{ tributary: { emulate: false } } },
      'response_format',
    ],
    ['a picture', { messages: [{ role: 'user', content: [picture] }] }, 'messages[0].content[0]'],
  ]
  for (const [what, body, param] of refused)
    test(`refuses ${what} as unsupported without a request to the upstream`, async () => {
      const before = ai21.requests.length
      const error = await errorOf(client.chat.completions.create({ model, messages, ...body }))
      expect(error).toBeInstanceOf(BadRequestError)
      expect(error).toMatchObject({ code: 'unsupported_parameter', param })
      expect(ai21.requests.length).toBe(before)
    })

  test('supports JSON without a schema', async () => {
    const response_format = { type: 'json_object' as const }
    await client.chat.completions.create({ model, messages, response_format })
    expect(ai21.chats.at(-1)).toMatchObject({ response_format })
  })
})

test('the models of both upstreams are listed, with their support for each parameter', async () => {
  const models = await Array.fromAsync(client.models.list())
  const listed = new Map(models.map((model) => [model.id, model]))
  expect([...listed.keys()].filter((id) => id.includes('/')).sort()).toEqual([
    'ai21/jamba-large',
    'ai21/jamba-mini',
    'mistral/magistral-small-latest',
    'mistral/ministral-8b-latest',
    'mistral/mistral-embed',
    'mistral/mistral-small-latest',
  ])
  expect(listed.get('mistral/mistral-small-latest')).toMatchObject({
    owned_by: 'mistralai',
    context_length: 131_072,
    capabilities: ['tools'],
    parameters: { seed: 'mapped', safe_prompt: 'honoured', max_completion_tokens: 'mapped' },
  })
  expect(listed.get('ai21/jamba-mini')).toMatchObject({ owned_by: 'ai21', parameters: { n: 'emulated' } })
})
