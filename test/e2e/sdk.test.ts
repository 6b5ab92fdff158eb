import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import OpenAI, {
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai'
import { emulateOpenai, frame, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import { measureBelow, until } from '../waiting.ts'
import { build, type Running, start, type Variables } from './program.ts'
import { errorOf, runnable } from './sdk.ts'

// The official SDK asks the executable.

beforeAll(build, 120_000)

const key = 'sk-client-0123456789abcdef'
const hello = { model: 'gpt-test', messages: [{ role: 'user' as const, content: 'Hello there' }] }
const weather = {
  type: 'function' as const,
  function: {
    name: 'weather',
    description: 'The weather of a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}
const tools = ['weather', 'time', 'news'].map((name) => ({ ...weather, function: { ...weather.function, name } }))

function clientOf({ url }: Pick<Running, 'url'>, options: ConstructorParameters<typeof OpenAI>[0] = {}): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, ...options })
}

/** Starts a separate gateway and upstream, for tests that change their state. */
async function startPair(
  variables: Variables = {},
): Promise<AsyncDisposable & { emulator: OpenaiEmulator; client: OpenAI; gateway: Running }> {
  const emulator = await emulateOpenai({ keys: ['sk-upstream'] })
  const upstream = { OPENAI_BASE_URL: emulator.url, OPENAI_API_KEY: 'sk-upstream', OPENAI_MODELS: 'gpt-test' }
  const gateway = await start({ API_MASTER_KEY: key, ...upstream, ...variables })
  return {
    emulator,
    gateway,
    client: clientOf(gateway),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await emulator.close()
    },
  }
}

let openai: OpenaiEmulator
let lab: OpenaiEmulator
let gateway: Running
let client: OpenAI
beforeAll(async () => {
  openai = await emulateOpenai({ keys: ['sk-one', 'sk-two'] })
  lab = await emulateOpenai({ keys: ['sk-lab'], models: ['gpt-test', 'lab-only'] })
  gateway = await start({
    API_MASTER_KEY: `${key},sk-another-0123456789abcdef`,
    OPENAI_BASE_URL: openai.url,
    OPENAI_API_KEY_1: 'sk-one',
    OPENAI_API_KEY_2: 'sk-two',
    UPSTREAM_MY_LAB_URL: lab.url,
    UPSTREAM_MY_LAB_KEY: 'sk-lab',
  })
  client = clientOf(gateway)
}, 120_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await openai.close()
  await lab.close()
})
afterEach(() => {
  expect([openai, lab].flatMap(({ requests }) => requests.filter(({ headers }) => headers.has('cookie')))).toEqual([])
})

const onOpenai = { ...hello, model: 'openai/gpt-test' }
/** A conversation of its own: a repeated one stays where its prompt is cached. */
const another = () => ({ messages: [{ role: 'user' as const, content: crypto.randomUUID() }] })
const onLab = { ...hello, model: 'my-lab/gpt-test' }

describe('chat.completions.create', () => {
  test('answers without streaming', async () => {
    const { data, response } = await client.chat.completions.create(onOpenai).withResponse()
    expect(data.object).toBe('chat.completion')
    expect(data.choices).toHaveLength(1)
    expect(data.choices[0]).toMatchObject({
      index: 0,
      finish_reason: 'stop',
      message: { role: 'assistant', content: 'You said: Hello there' },
    })
    expect(data.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 4, total_tokens: 11 })
    expect(response.headers.get('x-tributary-upstream')).toBe('openai')
    expect(response.headers.get('x-tributary-attempts')).toBe('1')
    expect(data.id).toBe(`chatcmpl-${response.headers.get('x-request-id')}`)
  })

  test('streams, with the role first and the finish reason last', async () => {
    const stream = await client.chat.completions.create({ ...onOpenai, stream: true })
    const chunks = await Array.fromAsync(stream)
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe('You said: Hello there')
    expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason).filter(Boolean)).toEqual(['stop'])
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(chunks.every((chunk) => chunk.object === 'chat.completion.chunk')).toBe(true)
  })

  test('sends the usage of a stream only to a client that asks for it, although the upstream is always asked', async () => {
    const without = await Array.fromAsync(await client.chat.completions.create({ ...onOpenai, stream: true }))
    expect(without.every((chunk) => chunk.usage === undefined && chunk.choices.length === 1)).toBe(true)
    const asked = { ...onOpenai, stream: true as const, stream_options: { include_usage: true } }
    const chunks = await Array.fromAsync(await client.chat.completions.create(asked))
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 7, total_tokens: 11 } })
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true)
    expect(openai.chats.slice(-2)).toMatchObject([
      { stream_options: { include_usage: true } },
      { stream_options: { include_usage: true } },
    ])
  })

  const callThree = { messages: [{ role: 'user' as const, content: 'call weather time news' }], tools }

  test('calls three tools in parallel', async () => {
    const { choices } = await client.chat.completions.create({ ...onOpenai, ...callThree, parallel_tool_calls: true })
    expect(choices[0]?.finish_reason).toBe('tool_calls')
    expect(choices[0]?.message.tool_calls).toEqual(
      ['weather', 'time', 'news'].map((name, at) => ({
        id: `call_${at + 1}`,
        type: 'function',
        function: { name, arguments: '{"city":"Paris"}' },
      })),
    )
    expect(openai.chats.at(-1)).toMatchObject({ tools, parallel_tool_calls: true })
  })

  test('calls three tools in parallel as a stream', async () => {
    const calls: { id: string; name: string; arguments: string }[] = []
    let finish: string | null = null
    for await (const { choices } of await client.chat.completions.create({ ...onOpenai, ...callThree, stream: true })) {
      finish = choices[0]?.finish_reason ?? finish
      for (const { index, id, function: called } of choices[0]?.delta.tool_calls ?? []) {
        const call = calls[index] ?? { id: '', name: '', arguments: '' }
        calls[index] = {
          id: call.id + (id ?? ''),
          name: call.name + (called?.name ?? ''),
          arguments: call.arguments + (called?.arguments ?? ''),
        }
      }
    }
    expect(finish).toBe('tool_calls')
    expect(calls).toEqual(
      ['weather', 'time', 'news'].map((name, at) => ({ id: `call_${at + 1}`, name, arguments: '{"city":"Paris"}' })),
    )
  })

  test('passes response_format to the upstream, with its unknown members', async () => {
    const response_format = {
      type: 'json_schema' as const,
      json_schema: {
        name: 'answer',
        strict: true,
        schema: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false },
      },
    }
    const { response } = await client.chat.completions.create({ ...onOpenai, response_format }).withResponse()
    expect(openai.chats.at(-1)).toMatchObject({ response_format })
    expect(response.headers.get('x-tributary-parameters')).toBe('response_format=honoured')
  })

  test('passes pictures, sound and files to the upstream unchanged', async () => {
    const content = [
      { type: 'text' as const, text: 'What is this? 🐈‍⬛' },
      {
        type: 'image_url' as const,
        image_url: { url: `data:image/png;base64,${'iVBORw0KGgo'.repeat(50_000)}`, detail: 'high' as const },
      },
      { type: 'image_url' as const, image_url: { url: 'https://example.com/a.png?b=c#d' } },
      { type: 'input_audio' as const, input_audio: { data: 'AAAA', format: 'wav' as const } },
      { type: 'file' as const, file: { file_id: 'file-1' } },
    ]
    await client.chat.completions.create({ ...onOpenai, messages: [{ role: 'user', content }] })
    expect(openai.chats.at(-1)?.messages).toEqual([{ role: 'user', content }])
  })

  test('passes every parameter to the upstream, known or not, and a header names each', async () => {
    const parameters = {
      temperature: 0.3,
      top_p: 0.9,
      max_completion_tokens: 50,
      seed: 7,
      stop: ['a'],
      logit_bias: { '50256': -100 },
      user: 'ann',
      store: false,
      metadata: { a: 'b' },
    }
    const unknown = { vendor_extension: { deep: [1, null] } }
    const { response } = await client.chat.completions.create({ ...onOpenai, ...parameters, ...unknown }).withResponse()
    expect(openai.chats.at(-1)).toMatchObject({ ...parameters, ...unknown, model: 'gpt-test' })
    expect(response.headers.get('x-tributary-parameters')?.split(', ').sort()).toEqual(
      [...Object.keys(parameters), ...Object.keys(unknown)].map((name) => `${name}=honoured`).sort(),
    )
  })

  for (const [name, request, upstream, requests] of [
    ['in one request if the upstream supports it', onOpenai, () => openai, 1],
    ['in two requests if it does not', onLab, () => lab, 2],
  ] as const) {
    test(`n: 2 has two choices, ${name}`, async () => {
      const before = upstream().chats.length
      const { choices, usage } = await client.chat.completions.create({ ...request, n: 2 })
      expect(choices.map(({ index, message }) => [index, message.content])).toEqual([
        [0, 'You said: Hello there'],
        [1, 'You said: Hello there'],
      ])
      expect(usage?.completion_tokens).toBe(8)
      const sent = upstream().chats.slice(before)
      expect(sent).toHaveLength(requests)
      expect(sent.every(({ n }) => n === (requests === 1 ? 2 : undefined))).toBe(true)
    })

    test(`n: 2 streams two choices, ${name}`, async () => {
      const asked = { ...request, n: 2, stream: true as const, stream_options: { include_usage: true } }
      const texts = ['', '']
      const finishes: (string | null)[] = []
      const usages: unknown[] = []
      for await (const { choices, usage } of await client.chat.completions.create(asked)) {
        if (usage) usages.push(usage)
        for (const { index, delta, finish_reason } of choices) {
          texts[index] += delta.content ?? ''
          if (finish_reason) finishes[index] = finish_reason
        }
      }
      expect(texts).toEqual(['You said: Hello there', 'You said: Hello there'])
      expect(finishes).toEqual(['stop', 'stop'])
      expect(usages).toMatchObject([{ completion_tokens: 8 }])
    })
  }

  test('uses the keys of an upstream in turn, and no other key reaches it', async () => {
    const before = openai.requests.length
    await Promise.all(Array.from({ length: 10 }, () => client.chat.completions.create({ ...onOpenai, ...another() })))
    const sent = openai.requests.slice(before).map(({ headers }) => headers.get('authorization'))
    expect(sent.filter((header) => header === 'Bearer sk-one')).toHaveLength(5)
    expect(sent.filter((header) => header === 'Bearer sk-two')).toHaveLength(5)
  })

  test('each client key is accepted', async () => {
    const other = clientOf(gateway, { apiKey: 'sk-another-0123456789abcdef' })
    expect((await other.chat.completions.create(onOpenai)).choices).toHaveLength(1)
  })
})

describe('models', () => {
  test('of every upstream are listed by their full names', async () => {
    const listed = await Array.fromAsync(client.models.list())
    expect(listed.map(({ id }) => id)).toEqual([
      'openai/gpt-test',
      'openai/vendor/gpt-slash',
      'my-lab/gpt-test',
      'my-lab/lab-only',
    ])
    expect(listed[0]).toMatchObject({ object: 'model', created: 1_760_000_000, owned_by: 'emulator' })
  })

  // the SDK writes a slash in an id as %2F
  for (const [id, full] of [
    ['openai/gpt-test', 'openai/gpt-test'],
    ['openai/vendor/gpt-slash', 'openai/vendor/gpt-slash'],
    ['vendor/gpt-slash', 'openai/vendor/gpt-slash'],
    ['lab-only', 'my-lab/lab-only'],
  ] as const) {
    test(`${id} is retrieved`, async () => {
      expect(await client.models.retrieve(id)).toMatchObject({ id: full, object: 'model' })
    })
  }

  test('that do not exist are not found', async () => {
    const thrown = await client.models.retrieve('openai/nothing').catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(NotFoundError)
  })

  for (const [model, upstream] of [
    ['openai/gpt-test', 'openai'],
    ['openai/vendor/gpt-slash', 'openai'],
    ['vendor/gpt-slash', 'openai'],
    ['my-lab/lab-only', 'my-lab'],
    ['lab-only', 'my-lab'],
  ] as const) {
    test(`${model} is answered by ${upstream}`, async () => {
      const { response } = await client.chat.completions.create({ ...hello, model }).withResponse()
      expect(response.headers.get('x-tributary-upstream')).toBe(upstream)
    })
  }

  test('a bare name of two upstreams is a pool of both', async () => {
    const before = [openai.chats.length, lab.chats.length]
    for (let at = 0; at < 20; at++) await client.chat.completions.create({ ...hello, ...another() })
    const asked = [openai.chats.length - (before[0] ?? 0), lab.chats.length - (before[1] ?? 0)]
    expect(asked[0]).toBeWithin(1, 20)
    expect(asked[1]).toBe(20 - (asked[0] ?? 0))
  })

  test('a pool answers as long as one of its members does', async () => {
    for (let at = 0; at < 4; at++) {
      openai.script({ status: 500, headers: { 'content-type': 'application/json' }, body: ['{}'] })
      const { data, response } = await client.chat.completions.create({ ...hello, stream: false }).withResponse()
      expect(data.choices[0]?.message.content).toBe('You said: Hello there')
      expect(response.headers.get('x-tributary-upstream')).toMatch(/^(openai|my-lab)$/)
    }
    // unused scripts would affect the next test
    while (
      (await client.chat.completions.create(onOpenai).then(
        () => 'answered',
        () => 'failed',
      )) === 'failed'
    );
  })
})

describe('helpers of the SDK', () => {
  test('runTools asks, calls the function and asks again', async () => {
    const asked: string[] = []
    const runner = client.chat.completions.runTools({
      model: 'openai/gpt-test',
      messages: [{ role: 'user', content: 'call weather' }],
      tools: [
        {
          type: 'function',
          function: {
            name: 'weather',
            description: 'The weather of a city.',
            parameters: { type: 'object', properties: { city: { type: 'string' } } },
            parse: JSON.parse,
            function: ({ city }: { city: string }) => {
              asked.push(city)
              return `It is sunny in ${city}.`
            },
          },
        },
      ],
    })
    expect(await runner.finalContent()).toBe('You said: It is sunny in Paris.')
    expect(asked).toEqual(['Paris'])
    expect(openai.chats.at(-1)?.messages).toMatchObject([
      { role: 'user', content: 'call weather' },
      {
        role: 'assistant',
        tool_calls: [{ id: 'call_1', function: { name: 'weather', arguments: '{"city":"Paris"}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: 'It is sunny in Paris.' },
    ])
  })

  test('runTools as a stream does the same', async () => {
    const runner = client.chat.completions.runTools({
      model: 'openai/gpt-test',
      stream: true,
      messages: [{ role: 'user', content: 'call weather time' }],
      tools: runnable,
    })
    expect(await runner.finalContent()).toBe('You said: time!')
    expect(openai.chats.at(-1)?.messages).toMatchObject([
      {},
      { tool_calls: [{}, {}] },
      { content: 'weather!' },
      { content: 'time!' },
    ])
  })

  test('stream() emits every text event, and the whole text at the end', async () => {
    const deltas: string[] = []
    const events: string[] = []
    const stream = client.chat.completions.stream({ ...onOpenai, stream_options: { include_usage: true } })
    stream.on('connect', () => events.push('connect'))
    stream.on('content', (delta) => deltas.push(delta))
    stream.on('content.done', ({ content }) => events.push(content))
    stream.on('finalChatCompletion', () => events.push('final'))
    stream.on('end', () => events.push('end'))
    const completion = await stream.finalChatCompletion()
    await stream.done()
    expect(deltas.join('')).toBe('You said: Hello there')
    expect(events).toEqual(['connect', 'You said: Hello there', 'final', 'end'])
    expect(completion).toMatchObject({ choices: [{ finish_reason: 'stop' }], usage: { total_tokens: 11 } })
  })

  test('stream() emits every event of a tool call', async () => {
    const done: unknown[] = []
    const stream = client.chat.completions.stream({
      ...onOpenai,
      messages: [{ role: 'user', content: 'call weather news' }],
      tools,
    })
    stream.on('tool_calls.function.arguments.done', ({ name, index, arguments: args }) =>
      done.push([index, name, args]),
    )
    await stream.done()
    expect(done).toEqual([
      [0, 'weather', '{"city":"Paris"}'],
      [1, 'news', '{"city":"Paris"}'],
    ])
  })

  test('parse() reads an answer with its schema', async () => {
    openai.script({
      headers: { 'content-type': 'application/json' },
      body: [
        JSON.stringify({
          choices: [{ index: 0, message: { role: 'assistant', content: '{"a":"b"}' }, finish_reason: 'stop' }],
        }),
      ],
    })
    const schema = { type: 'object', properties: { a: { type: 'string' } } }
    const completion = await client.chat.completions.parse({
      ...onOpenai,
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
    })
    expect(completion.choices[0]?.message.content).toBe('{"a":"b"}')
  })
})

describe('a client that leaves', () => {
  const word = frame({ choices: [{ index: 0, delta: { role: 'assistant', content: 'word' } }] })

  test('in the middle of a stream ends the request to the upstream at once', async () => {
    await measureBelow(50, 'milliseconds until the request has ended', async () => {
      const closed = openai.closedAt.length
      openai.script({ body: [word], ending: 'stall' })
      const stream = await client.chat.completions.create({ ...onOpenai, stream: true })
      let leftAt = 0
      for await (const _ of stream) {
        leftAt = performance.now()
        stream.controller.abort()
      }
      await until(() => openai.closedAt.length > closed, 1_000, 'the end of the request')
      return (openai.closedAt.at(-1) ?? 0) - leftAt
    })
  })

  for (const stream of [true, false]) {
    test(`before the ${stream ? 'stream' : 'answer'} has begun ends the request to the upstream at once`, async () => {
      await measureBelow(50, 'milliseconds until the request has ended', async () => {
        const [chats, closed] = [openai.chats.length, openai.closedAt.length]
        openai.script({ headDelayMs: 10_000 })
        const leaving = new AbortController()
        const asked = client.chat.completions
          .create({ ...onOpenai, stream }, { signal: leaving.signal })
          .catch(() => 'left')
        await until(() => openai.chats.length > chats, 20_000, 'the request')
        const leftAt = performance.now()
        leaving.abort()
        expect(await asked).toBe('left')
        await until(() => openai.closedAt.length > closed, 1_000, 'the end of the request')
        return (openai.closedAt.at(-1) ?? 0) - leftAt
      })
    })
  }
})

describe('errors', () => {
  const json = { 'content-type': 'application/json' }
  const failing = (status: number, error: object, headers: object = {}) => ({
    status,
    headers: { ...json, ...headers },
    body: [JSON.stringify({ error })],
  })

  test('400 for an invalid request, with the field', async () => {
    const error = await errorOf(client.chat.completions.create({ ...onOpenai, temperature: Number.NaN, messages: [] }))
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({ status: 400, type: 'invalid_request_error', param: 'messages' })
    expect(error.requestID).toBeString()
  })

  test("400 for the upstream's 400, in its words", async () => {
    await using pair = await startPair()
    const said = {
      message: 'This context is too long.',
      type: 'invalid_request_error',
      code: 'context_length_exceeded',
      param: 'messages',
    }
    pair.emulator.script(failing(400, said))
    const error = await errorOf(pair.client.chat.completions.create(hello))
    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({
      code: 'context_length_exceeded',
      param: 'messages',
      message: '400 This context is too long.',
    })
    pair.emulator.script(failing(422, { message: 'No.' }))
    expect(await errorOf(pair.client.chat.completions.create(hello))).toBeInstanceOf(BadRequestError)
  })

  test('401 without a key', async () => {
    const anonymous = clientOf(gateway, { defaultHeaders: { authorization: null } })
    const error = await errorOf(anonymous.chat.completions.create(onOpenai))
    expect(error).toBeInstanceOf(AuthenticationError)
    expect(error.code).toBe('invalid_api_key')
  })

  test('403 with a wrong key', async () => {
    const stranger = clientOf(gateway, { apiKey: 'sk-wrong' })
    expect(await errorOf(stranger.chat.completions.create(onOpenai))).toBeInstanceOf(PermissionDeniedError)
    expect(await errorOf(stranger.models.list())).toBeInstanceOf(PermissionDeniedError)
  })

  test('404 for an unknown model', async () => {
    const error = await errorOf(client.chat.completions.create({ ...hello, model: 'nothing' }))
    expect(error).toBeInstanceOf(NotFoundError)
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model' })
  })

  test('413 for a body over the limit that is sent whole', async () => {
    await using pair = await startPair({ MAX_BODY_BYTES: '1000000' })
    const content = 'x'.repeat(20_000_000)
    const error = await errorOf(
      pair.client.chat.completions.create({ ...hello, messages: [{ role: 'user', content }] }),
    )
    expect(error).toMatchObject({ status: 413, code: 'request_too_large' })
    expect(pair.emulator.chats).toHaveLength(0)
  })

  test('429 with Retry-After if every account is limited', async () => {
    await using pair = await startPair()
    pair.emulator.script(failing(429, { message: 'Slow down.', code: 'rate_limit_exceeded' }, { 'retry-after': '7' }))
    const error = await errorOf(pair.client.chat.completions.create(hello, { maxRetries: 2 }))
    expect(error).toBeInstanceOf(RateLimitError)
    expect(error.code).toBe('rate_limit_exceeded')
    expect(error.headers?.get('retry-after')).toBe('7')
    expect(error.headers?.get('x-should-retry')).toBe('false')
    expect(pair.emulator.chats).toHaveLength(1)
    const again = await errorOf(pair.client.chat.completions.create(hello))
    expect(again).toBeInstanceOf(RateLimitError)
    expect(Number(again.headers?.get('retry-after'))).toBeWithin(1, 8)
    expect(pair.emulator.chats).toHaveLength(1)
  })

  test('no error for a 429 of one account if another works', async () => {
    await using pair = await startPair({ OPENAI_API_KEY_1: 'sk-upstream' })
    pair.emulator.script(failing(429, { message: 'Slow down.' }, { 'retry-after': '7' }))
    const { data, response } = await pair.client.chat.completions.create(hello).withResponse()
    expect(data.choices[0]?.message.content).toBe('You said: Hello there')
    expect(response.headers.get('x-tributary-attempts')).toBe('2')
  })

  const theirs: readonly (readonly [number, number, string])[] = [
    [401, 502, 'upstream_auth'],
    [402, 429, 'insufficient_quota'],
    [403, 502, 'upstream_auth'],
    [405, 502, 'upstream_protocol'],
    [500, 502, 'upstream_error'],
    [502, 502, 'upstream_error'],
    [503, 503, 'upstream_overloaded'],
    [504, 504, 'upstream_timeout'],
    [529, 503, 'upstream_overloaded'],
  ]
  for (const [status, ours, code] of theirs) {
    test(`${ours} for the upstream's ${status}, and the SDK does not multiply our attempts`, async () => {
      await using pair = await startPair()
      const attempts = Array.from({ length: 9 }, () => failing(status, { message: 'No.' }))
      pair.emulator.script(...attempts)
      const error = await errorOf(pair.client.chat.completions.create(hello, { maxRetries: 2 }))
      expect(error).toBeInstanceOf(ours === 429 ? RateLimitError : InternalServerError)
      expect(error).toMatchObject({ status: ours, code })
      expect(error.headers?.get('x-should-retry')).toBe('false')
      expect(pair.emulator.chats.length).toBeLessThanOrEqual(3)
    })
  }

  test('502 if no upstream answers', async () => {
    const gone = await emulateOpenai()
    await gone.close()
    await using lonely = await start({ API_MASTER_KEY: key, OPENAI_BASE_URL: gone.url, OPENAI_MODELS: 'gpt-test' })
    const error = await errorOf(clientOf(lonely).chat.completions.create(hello))
    expect(error).toMatchObject({ status: 502, code: 'upstream_unreachable' })
  })

  test('504 if the upstream is silent for too long', async () => {
    await using pair = await startPair({ API_REQUEST_TIMEOUT: '1' })
    const startedAt = performance.now()
    pair.emulator.script({ headDelayMs: 10_000 }, { headDelayMs: 10_000 }, { headDelayMs: 10_000 })
    const errors = await Promise.all([
      errorOf(pair.client.chat.completions.create(hello)),
      errorOf(pair.client.chat.completions.create({ ...hello, stream: true })),
    ])
    for (const error of errors) expect(error).toMatchObject({ status: 504, code: 'upstream_timeout' })
    // long before the upstream would have answered
    expect(performance.now() - startedAt).toBeLessThan(8_000)
  })

  test('a broken stream throws after the text that came before the break', async () => {
    await using pair = await startPair()
    const half = frame({ choices: [{ index: 0, delta: { content: 'half' } }] })
    // the comment separates the text from the break, because a break before the text would be retried
    pair.emulator.script({ body: [half, ': comment\n\n'], paceMs: 200, ending: 'rst' })
    const texts: string[] = []
    const read = async () => {
      for await (const { choices } of await pair.client.chat.completions.create({ ...hello, stream: true }))
        texts.push(choices[0]?.delta.content ?? '')
    }
    const error = await errorOf(read())
    expect(texts.join('')).toBe('half')
    expect(error).toMatchObject({ code: 'upstream_disconnected', type: 'upstream_error' })
    expect(pair.emulator.chats).toHaveLength(1)
  })

  test('an error within a 200 is an error', async () => {
    await using pair = await startPair()
    pair.emulator.script({
      headers: json,
      body: [JSON.stringify({ error: { message: 'Too long.', code: 'context_length_exceeded' } })],
    })
    expect(await errorOf(pair.client.chat.completions.create(hello))).toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
    })
  })

  test('the log has one line for each call, with its id and its end, and without its texts', async () => {
    await using pair = await startPair()
    const { response } = await pair.client.chat.completions
      .create(hello, { headers: { 'x-request-id': 'my-own-id' } })
      .withResponse()
    expect(response.headers.get('x-request-id')).toBe('my-own-id')
    await until(() => pair.gateway.output().includes('"msg":"chat"'), 10_000, 'the line')
    const line =
      pair.gateway
        .output()
        .split('\n')
        .find((text) => text.includes('"msg":"chat"')) ?? ''
    expect(JSON.parse(line)).toMatchObject({
      id: 'my-own-id',
      route: 'POST /v1/chat/completions',
      model: 'gpt-test',
      upstream: 'openai',
      outcome: 'ok',
      attempts: 1,
      inputTokens: 7,
      outputTokens: 4,
    })
    expect(pair.gateway.output()).not.toContain('Hello')
    expect(pair.gateway.output()).not.toContain(key)
  })
})
