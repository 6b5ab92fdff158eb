import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import OpenAI, { type APIError, BadRequestError } from 'openai'
import { chunkFrame } from '../../src/providers/langfast/emulator/answer.ts'
import { emulateLangfast, type LangfastEmulator } from '../../src/providers/langfast/emulator/index.ts'
import type { RunScript } from '../../src/providers/langfast/emulator/run-server.ts'
import { each, until, within } from '../waiting.ts'
import { build, emptyFolder, type Running, run, start } from './program.ts'
import { errorOf } from './sdk.ts'

// The official SDK asks the executable, with langfast as the upstream. Clients must not notice that the gateway makes its accounts
// itself, and that answers come over Socket.IO.

beforeAll(build, 120_000)

const key = 'sk-client-0123456789langfast'
const user = (content: string) => ({ role: 'user' as const, content })
const hello = { model: 'langfast/gpt-4o-mini', messages: [user('Hello there')] }

const scripts = new Map<string, RunScript>()
let langfast: LangfastEmulator
let gateway: Running
let client: OpenAI
beforeAll(async () => {
  langfast = await emulateLangfast({ reply: (model) => scripts.get(model) })
  const models = 'gpt-4o-mini,gpt-5,o1,plan-cut,plan-failed,plan-stalled,plan-silent'
  gateway = await start({ API_MASTER_KEY: key, ...langfast.variables, LANGFAST_MODELS: models })
  client = clientOf(gateway)
}, 120_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await langfast.close()
})

function clientOf({ url }: Running): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 })
}

describe('an answer', () => {
  test('comes whole, also the first time, before there is an account', async () => {
    const { data, response } = await client.chat.completions.create(hello).withResponse()
    expect(data).toMatchObject({
      object: 'chat.completion',
      model: 'langfast/gpt-4o-mini',
      choices: [{ finish_reason: 'stop', message: { role: 'assistant', content: 'You said: Hello there' } }],
      // langfast does not count tokens, so the gateway estimates them and marks the estimate
      usage: { prompt_tokens: expect.any(Number), completion_tokens: expect.any(Number) },
    })
    expect(response.headers.get('x-tributary-upstream')).toBe('langfast')
  })

  test('streams', async () => {
    const asked = { ...hello, stream: true as const, stream_options: { include_usage: true } }
    const chunks = await Array.fromAsync(await client.chat.completions.create(asked))
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant')
    expect(chunks.flatMap(({ choices }) => choices[0]?.delta.content || [])).toEqual([
      'You',
      ' said:',
      ' Hello',
      ' there',
    ])
    expect(chunks.flatMap(({ choices }) => choices[0]?.finish_reason ?? [])).toEqual(['stop'])
    expect(chunks.at(-1)?.choices).toEqual([])
  })

  test('to each of ten turns gets the whole conversation', async () => {
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'system', content: 'Be brief.' }]
    for (let turn = 1; turn <= 10; turn++) {
      messages.push(user(`turn ${turn}`))
      const { choices } = await client.chat.completions.create({ ...hello, messages })
      const content = choices[0]?.message.content ?? ''
      expect(content).toBe(`You said: turn ${turn}`)
      messages.push({ role: 'assistant', content })
    }
    expect(langfast.runs.at(-1)?.prompt_meta.messages).toHaveLength(20)
  })

  test('uses the supported parameters, and a header names the others', async () => {
    const parameters = { temperature: 0.3, top_p: 0.9, frequency_penalty: 0.1, presence_penalty: 0.2, max_tokens: 3 }
    const asked = {
      ...hello,
      ...parameters,
      seed: 7,
      stop: 'a',
      user: 'ann',
      response_format: { type: 'text' as const },
    }
    const { data, response } = await client.chat.completions.create(asked).withResponse()
    expect(data.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'You said: Hello' } })
    const { max_tokens: max_completion_tokens, ...same } = parameters
    expect(langfast.runs.at(-1)?.prompt_meta).toMatchObject({ ...same, max_completion_tokens })
    expect((response.headers.get('x-tributary-parameters') ?? '').split(', ').sort()).toEqual([
      'frequency_penalty=honoured',
      'max_tokens=mapped',
      'presence_penalty=honoured',
      'response_format=mapped',
      'seed=dropped',
      'stop=dropped',
      'temperature=honoured',
      'top_p=honoured',
      'user=dropped',
    ])
  })

  test('that is cut is an error', async () => {
    scripts.set('plan-cut', {
      job: 'job-1',
      answer: { body: [chunkFrame({ executionId: 'job-1', content: 'Hello' })], endDelayMs: 40, ending: 'rst' },
    })
    const asked = { ...hello, model: 'langfast/plan-cut' }
    const texts: string[] = []
    const read = async () => {
      for await (const { choices } of await client.chat.completions.create({ ...asked, stream: true }))
        texts.push(choices[0]?.delta.content ?? '')
    }
    expect(await errorOf(read())).toMatchObject({ code: 'upstream_disconnected' })
    expect(texts.join('')).toBe('Hello')
    expect(await errorOf(client.chat.completions.create(asked))).toMatchObject({
      status: 502,
      code: 'upstream_disconnected',
    })
  })

  test('that fails has a reason', async () => {
    scripts.set('plan-failed', {
      job: 'job-1',
      answer: {
        body: [
          chunkFrame({ executionId: 'job-1', status: 'failed', error: { message: 'No.', code: 'content_filter' } }),
        ],
      },
    })
    const asked = client.chat.completions.create({ ...hello, model: 'langfast/plan-failed' })
    expect(await errorOf(asked)).toMatchObject({ status: 400, code: 'content_filter' })
  })
})

describe('a parameter that langfast does not support is refused', () => {
  const image = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,AAAA' } }
  const tool = { type: 'function' as const, function: { name: 'f', parameters: {} } }
  const rows: readonly (readonly [string, Partial<OpenAI.ChatCompletionCreateParamsNonStreaming>])[] = [
    ['messages[0].content[0]', { messages: [{ role: 'user', content: [image] }] }],
    ['tools', { tools: [tool] }],
    ['response_format', { response_format: { type: 'json_object' } }],
    ['messages[1].role', { messages: [user('a'), { role: 'tool', tool_call_id: 'a', content: 'b' }] }],
  ]
  for (const [param, rest] of rows)
    test(param, async () => {
      const before = langfast.runs.length
      const error = await errorOf(client.chat.completions.create({ ...hello, ...rest }))
      expect(error).toBeInstanceOf(BadRequestError)
      expect(error).toMatchObject({ code: 'unsupported_parameter', param })
      expect(langfast.runs.length).toBe(before)
    })
})

describe('a client that leaves', () => {
  const word = chunkFrame({ executionId: 'job-1', content: 'word' })
  const windows = [
    ['before the reply', 'plan-silent', { refusal: { framing: 'raw', ending: 'stall' } }],
    ['before the first event', 'plan-stalled', { job: 'job-1', answer: { body: [], ending: 'stall' } }],
    ['within the answer', 'plan-cut', { job: 'job-1', answer: { body: [word], ending: 'stall' } }],
  ] as const satisfies readonly (readonly [string, string, RunScript])[]

  for (const [when, name, script] of windows)
    for (const stream of [true, false])
      test(`${when}, ${stream ? 'SSE' : 'JSON'}, closes the connection at once`, async () => {
        scripts.set(name, script)
        await until(() => langfast.busy() === 0, 20_000, 'the connections before')
        const runs = langfast.runs.length
        const leaving = new AbortController()
        const read = async () => {
          const asked = { ...hello, model: `langfast/${name}` }
          const options = { signal: leaving.signal }
          if (!stream) return client.chat.completions.create(asked, options)
          return Array.fromAsync(await client.chat.completions.create({ ...asked, stream }, options))
        }
        const asking = read().catch(() => 'left')
        await until(() => langfast.runs.length > runs, 20_000, 'the run')
        leaving.abort()
        await asking
        await until(() => langfast.busy() === 0, 100, 'every connection is closed')
      })
})

describe('accounts', () => {
  test('for 100 requests, 30 of them at once, are at most MAX_CREDENTIALS', async () => {
    const own = await emulateLangfast()
    await using program = await start({ API_MASTER_KEY: key, ...own.variables })
    const asking = clientOf(program)
    await each(
      Array.from({ length: 100 }, (_, at) => at),
      30,
      async (at) => {
        const { choices } = await asking.chat.completions.create({ ...hello, messages: [user(`nonce ${at}`)] })
        expect(choices[0]?.message.content).toBe(`You said: nonce ${at}`)
      },
    )
    expect(own.counts.signUps).toBeLessThanOrEqual(10)
    expect(own.counts.signUps).toBeGreaterThanOrEqual(5)
    await own.close()
  })

  test('that cannot be made are an error at once', async () => {
    const own = await emulateLangfast({ anonymous: 'disabled' })
    await using program = await start({ API_MASTER_KEY: key, ...own.variables })
    const asking = clientOf(program)
    const refusals = await within(
      Promise.all(Array.from({ length: 20 }, () => errorOf(asking.chat.completions.create(hello)))),
      60_000,
      'the refusals',
    )
    for (const { status } of refusals) expect(status).toBeGreaterThanOrEqual(429)
    expect(own.requests.length).toBeLessThan(20)
    await own.close()
  })

  test('that the service limits are an error with the time to wait, and are made after it', async () => {
    const own = await emulateLangfast()
    own.fault({ script: { status: 429, headers: { 'retry-after': '1' }, body: ['{}'] } })
    await using program = await start({ API_MASTER_KEY: key, ...own.variables })
    const asking = clientOf(program)
    const refused = await errorOf(asking.chat.completions.create(hello))
    expect(refused.status).toBe(429)
    expect(refused.headers?.get('retry-after')).toBe('1')
    const answered = async () => {
      for (;;) {
        const answer = await asking.chat.completions.create(hello).catch((error: APIError) => error.status)
        if (typeof answer === 'object') return answer.choices[0]?.message.content
        expect(answer).toBe(429)
        await Bun.sleep(20)
      }
    }
    expect(await within(answered(), 10_000, 'an account')).toBe('You said: Hello there')
    await own.close()
  })

  test('whose token is refused are renewed, and the client does not notice', async () => {
    const own = await emulateLangfast()
    await using program = await start({
      API_MASTER_KEY: key,
      ...own.variables,
      MIN_CREDENTIALS: '1',
      MAX_CREDENTIALS: '1',
    })
    const asking = clientOf(program)
    await asking.chat.completions.create(hello)
    const token = own.requests.at(-1)?.headers.get('authorization')?.slice('Bearer '.length) ?? ''
    own.refuse(token)
    const { data, response } = await asking.chat.completions.create(hello).withResponse()
    expect(data.choices[0]?.message.content).toBe('You said: Hello there')
    expect(response.headers.get('x-tributary-attempts')).toBe('1')
    expect({ ...own.counts }).toMatchObject({ signUps: 1, renewals: 1 })
    await own.close()
  })

  test('survive a restart if the state is in a file', async () => {
    const own = await emulateLangfast()
    await using folder = await emptyFolder()
    const variables = {
      API_MASTER_KEY: key,
      ...own.variables,
      MIN_CREDENTIALS: '1',
      MAX_CREDENTIALS: '1',
      STATE_URL: `sqlite:${folder.path}/state.db`,
      STATE_SECRET: 'a-secret-of-langfast-tests',
    }
    for (let life = 0; life < 2; life++) {
      await using program = await start(variables)
      await clientOf(program).chat.completions.create(hello)
      await program.stop('SIGTERM')
    }
    expect(own.counts.signUps).toBe(1)
    await own.close()
  })
})

test('check and models show langfast', async () => {
  const { code, stdout } = await run(['models'], { variables: { LANGFAST_SUPABASE_ANON_KEY: 'an-anon-key' } })
  expect(code).toBe(0)
  expect(stdout).toContain('langfast/gpt-4o-mini')
})
