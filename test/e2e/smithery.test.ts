import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import OpenAI, { BadRequestError } from 'openai'
import { emulateSmithery, type SmitheryEmulator, smitheryChunk } from '../../src/providers/smithery/emulator/index.ts'
import { until } from '../waiting.ts'
import { build, emptyFolder, type Running, run, start } from './program.ts'
import { errorOf, runnable, weatherAndTime } from './sdk.ts'

// The official SDK asks the executable, with smithery as the upstream. Clients must notice neither the wire of a web
// page nor the end of a session.

beforeAll(build, 120_000)

const key = 'sk-client-0123456789smithery'
const user = (content: string) => ({ role: 'user' as const, content })
const hello = { model: 'smithery/gpt-5', messages: [user('Hello there')] }
const callBoth = { ...hello, messages: [user('call weather time')], tools: weatherAndTime }
const usage = { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 }

let smithery: SmitheryEmulator
let gateway: Running
let client: OpenAI
beforeAll(async () => {
  smithery = await emulateSmithery()
  gateway = await start({ API_MASTER_KEY: key, ...smithery.variables })
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 })
}, 120_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await smithery.close()
})

describe('an answer', () => {
  test('comes whole, with its usage', async () => {
    const { data, response } = await client.chat.completions.create(hello).withResponse()
    expect(data).toMatchObject({
      object: 'chat.completion',
      model: 'smithery/gpt-5',
      choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: 'You said: Hello there' } }],
      usage,
    })
    expect(response.headers.get('x-tributary-upstream')).toBe('smithery')
  })

  test('streams, with usage for a client that asks for it', async () => {
    const asked = { ...hello, stream: true as const, stream_options: { include_usage: true } }
    const chunks = await Array.fromAsync(await client.chat.completions.create(asked))
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    const texts = chunks.flatMap(({ choices }) => choices[0]?.delta.content || [])
    expect(texts).toEqual(['You', ' said:', ' Hello', ' there'])
    expect(chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])).toEqual(['stop'])
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage })
  })

  test('has its reasoning', async () => {
    const asked = { ...hello, reasoning_effort: 'low' as const }
    const thought = { reasoning_content: 'Let me think.', content: 'You said: Hello there' }
    expect((await client.chat.completions.create(asked)).choices[0]?.message).toMatchObject(thought)
    expect((await client.chat.completions.stream(asked).finalMessage()).content).toBe(thought.content)
  })

  test('has its citations', async () => {
    smithery.script({
      body: [
        { type: 'text-delta', id: 't0', delta: 'The tides.' },
        { type: 'source-url', sourceId: 's1', url: 'https://example.com/tides', title: 'Tides' },
        { type: 'finish', finishReason: 'stop' },
      ].map(smitheryChunk),
    })
    const { choices } = await client.chat.completions.create(hello)
    expect(choices[0]?.message).toMatchObject({
      content: 'The tides.',
      annotations: [{ type: 'url_citation', url_citation: { url: 'https://example.com/tides', title: 'Tides' } }],
    })
  })

  test('comes over the older wire too', async () => {
    smithery.script({
      headers: { 'content-type': 'text/plain', 'x-vercel-ai-data-stream': 'v1' },
      body: ['0:"Hel"\n', '0:"lo"\n', 'd:{"finishReason":"stop","usage":{"promptTokens":3,"completionTokens":2}}\n'],
    })
    const { choices, usage } = await client.chat.completions.create(hello)
    expect(choices).toMatchObject([{ finish_reason: 'stop', message: { content: 'Hello' } }])
    expect(usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 })
  })

  test('can be about pictures and files', async () => {
    const url = `data:image/png;base64,${'iVBORw0KGgo'.repeat(20_000)}`
    const content = [
      { type: 'text' as const, text: 'What is this?' },
      { type: 'image_url' as const, image_url: { url } },
      { type: 'file' as const, file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,AAAA' } },
    ]
    const { choices } = await client.chat.completions.create({ ...hello, messages: [{ role: 'user', content }] })
    expect(choices[0]?.message.content).toBe('You said: What is this? [image/png] [application/pdf]')
    expect(smithery.chats.at(-1)?.messages[0]?.parts).toMatchObject([{}, { type: 'file', url }, { filename: 'a.pdf' }])
  })

  test('follows instructions, and the receipt names the ignored parameters', async () => {
    const messages = [{ role: 'system' as const, content: 'Be brief.' }, ...hello.messages]
    const asked = { ...hello, messages, temperature: 0.3, max_tokens: 9, seed: 7, reasoning_effort: 'high' as const }
    const { response } = await client.chat.completions.create(asked).withResponse()
    expect(smithery.chats.at(-1)).toMatchObject({ systemPrompt: 'Be brief.', reasoningEffort: 'high' })
    expect((response.headers.get('x-tributary-parameters') ?? '').split(', ').sort()).toEqual([
      'max_tokens=dropped',
      'reasoning_effort=mapped',
      'seed=dropped',
      'temperature=dropped',
    ])
  })

  for (const stream of [false, true])
    test(`comes ten times in one conversation ${stream ? 'with' : 'without'} streaming`, async () => {
      const messages: OpenAI.ChatCompletionMessageParam[] = []
      for (let turn = 1; turn <= 10; turn++) {
        messages.push(user(`Turn ${turn}`))
        const answer = stream
          ? await client.chat.completions.stream({ ...hello, messages }).finalMessage()
          : (await client.chat.completions.create({ ...hello, messages })).choices[0]?.message
        expect(answer?.content).toBe(`You said: Turn ${turn}`)
        messages.push({ role: 'assistant', content: answer?.content ?? '' })
      }
      expect(smithery.chats.at(-1)?.messages.map(({ role }) => role)).toHaveLength(19)
    })
})

test('the twelve models are listed', async () => {
  const listed = await Array.fromAsync(client.models.list())
  expect(listed.filter(({ id }) => id.startsWith('smithery/'))).toHaveLength(12)
})

describe('tools', () => {
  const calls = ['weather', 'time'].map((name, at) => ({
    id: `${name}_1_${at + 1}`,
    type: 'function',
    function: { name, arguments: '{"city":"Paris"}' },
  }))

  test('are called, one in pieces and one whole', async () => {
    const { choices } = await client.chat.completions.create(callBoth)
    expect(choices).toMatchObject([{ finish_reason: 'tool_calls', message: { content: null, tool_calls: calls } }])
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

  test('that smithery runs itself are not shown', async () => {
    smithery.script({
      body: [
        { type: 'tool-input-available', toolCallId: 's1', toolName: 'weather', input: {} },
        { type: 'tool-output-available', toolCallId: 's1', output: 'Rain' },
        { type: 'text-delta', id: 't0', delta: 'Rain.' },
        { type: 'finish', finishReason: 'stop' },
      ].map(smitheryChunk),
    })
    const { choices } = await client.chat.completions.create(callBoth)
    expect(choices).toMatchObject([{ finish_reason: 'stop', message: { content: 'Rain.' } }])
    expect(choices[0]?.message.tool_calls ?? []).toEqual([])
  })

  for (const [tool_choice, names, called] of [
    ['none', [], 0],
    ['required', ['weather', 'time'], 1],
    [{ type: 'function', function: { name: 'time' } }, ['time'], 1],
  ] as const)
    test(`with the choice ${JSON.stringify(tool_choice)}`, async () => {
      const { choices } = await client.chat.completions.create({ ...hello, tools: weatherAndTime, tool_choice })
      expect(choices[0]?.message.tool_calls ?? []).toHaveLength(called)
      expect(smithery.chats.at(-1)?.tools.map(({ name }) => name)).toEqual([...names])
    })

  for (const stream of [false, true])
    test(`get their results over several turns ${stream ? 'with' : 'without'} streaming`, async () => {
      const asked = { model: hello.model, messages: callBoth.messages, tools: runnable }
      const runner = stream
        ? client.chat.completions.runTools({ ...asked, stream: true })
        : client.chat.completions.runTools(asked)
      expect(await runner.finalContent()).toBe('You said: weather! time!')
      expect(smithery.chats.at(-1)?.messages.at(-1)?.parts).toMatchObject([
        { type: 'step-start' },
        { type: 'tool-weather', state: 'output-available', output: { content: [{ text: 'weather!' }] } },
        { type: 'tool-time', state: 'output-available', output: { content: [{ text: 'time!' }] } },
      ])
    })
})

describe('a client that leaves', () => {
  const opening = smitheryChunk({ type: 'start' })
  const word = smitheryChunk({ type: 'text-delta', id: 't0', delta: 'word' })
  const windows = [
    ['before the head', { headDelayMs: 10_000 }],
    ['before the first event', { body: [opening], ending: 'stall' }],
    ['within the answer', { body: [opening, word], ending: 'stall' }],
  ] as const

  for (const stream of [true, false])
    for (const [when, script] of windows)
      test(`${when}, ${stream ? 'SSE' : 'JSON'}, ends the request to smithery`, async () => {
        const [chats, closed] = [smithery.chats.length, smithery.closedAt.length]
        smithery.script(script)
        const leaving = new AbortController()
        const answer = client.chat.completions.create({ ...hello, stream }, { signal: leaving.signal })
        const read = answer
          .then(async (given) => {
            if (Symbol.asyncIterator in given) for await (const _ of given) leaving.abort()
          })
          .catch(() => undefined)
        await until(() => smithery.chats.length > chats, 20_000, 'the request')
        if (when !== 'within the answer' || !stream) leaving.abort()
        await read
        expect(leaving.signal.aborted).toBe(true)
        await until(() => smithery.closedAt.length > closed, 1_000, 'the end of the request')
      })
})

describe('a session', () => {
  interface Tokens {
    readonly access_token: string
    readonly refresh_token: string
    readonly user: { readonly id: string }
  }

  test('that is refused is renewed while requests go on, without an error for the client', async () => {
    const own = await emulateSmithery()
    const program = await start(own.variables)
    try {
      const asking = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: 'unused', maxRetries: 0 })
      const tokens: Tokens = JSON.parse(own.variables.SMITHERY_COOKIE_1 ?? '')
      await asking.chat.completions.create(hello)
      own.supabase.refuse(tokens.access_token)
      const answers = await Promise.all(Array.from({ length: 20 }, () => asking.chat.completions.create(hello)))
      expect(answers.map(({ choices }) => choices[0]?.message.content)).toEqual(Array(20).fill('You said: Hello there'))
      expect(own.supabase.counts).toMatchObject({ renewals: 1, refusals: 0 })
      for (const secret of [tokens.access_token, tokens.refresh_token]) expect(program.output()).not.toContain(secret)
    } finally {
      await program[Symbol.asyncDispose]()
      await own.close()
    }
  })

  test('that was renewed continues after a restart with the stored tokens, not with the configured ones', async () => {
    const own = await emulateSmithery({ supabase: { expiresIn: 5, rule: 'strict', reuseIntervalMs: -1 } })
    await using folder = await emptyFolder()
    const state = { STATE_URL: `sqlite:${folder.path}/state.db`, STATE_SECRET: 'a-secret-of-the-tests' }
    const variables = { ...own.variables, ...state }
    try {
      for (let round = 1; round <= 2; round++) {
        const program = await start(variables)
        const asking = new OpenAI({ baseURL: `${program.url}/v1`, apiKey: 'unused', maxRetries: 0 })
        const { choices } = await asking.chat.completions.create(hello)
        expect(choices[0]?.message.content).toBe('You said: Hello there')
        await program.stop('SIGTERM')
        await program[Symbol.asyncDispose]()
      }
      expect(own.supabase.counts.refusals).toBe(0)
      expect(own.supabase.counts.renewals).toBeGreaterThanOrEqual(2)
    } finally {
      await own.close()
    }
  })

  test('that is invalid stops the start, with the name of its variable', async () => {
    const pasted = 'theme=dark; sb-ref-auth-token=base64-nonsense'
    const { code, stderr } = await run([], { variables: { SMITHERY_COOKIE_2: pasted } })
    expect(code).toBe(78)
    expect(stderr).toContain('SMITHERY_COOKIE_2')
    expect(stderr).not.toContain('nonsense')
  })
})

describe('a parameter that smithery does not support is refused', () => {
  const audio = { type: 'input_audio' as const, input_audio: { data: 'AAAA', format: 'wav' as const } }
  const file = { type: 'file' as const, file: { file_id: 'file-1' } }
  type Asked = Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>
  const rows: readonly (readonly [string, Asked])[] = [
    ['messages[0].content[0]', { messages: [{ role: 'user', content: [audio] }] }],
    ['messages[0].content[0]', { messages: [{ role: 'user', content: [file] }] }],
    ['response_format', { response_format: { type: 'json_object' } }],
  ]
  for (const [param, rest] of rows)
    test(`${param}: ${JSON.stringify(rest).slice(0, 60)}`, async () => {
      const before = smithery.chats.length
      const error = await errorOf(client.chat.completions.create({ ...hello, ...rest }))
      expect(error).toBeInstanceOf(BadRequestError)
      expect(error).toMatchObject({ status: 400, code: 'unsupported_parameter', param })
      expect(smithery.chats.length).toBe(before)
    })
})
