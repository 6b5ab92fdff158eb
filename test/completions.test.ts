/** `POST /v1/completions` with the whole program, the official client and real sockets. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import OpenAI from 'openai'
import { z } from 'zod'
import { emulateMistral } from '../src/providers/mistral/emulator/index.ts'
import { startGateway } from './chaos/gateway.ts'
import { errorFrom, startTasks } from './task-rig.ts'
import { each, until } from './waiting.ts'

setDefaultTimeout(30_000)

const open: { close(): Promise<unknown> }[] = []
afterAll(() => Promise.all(open.map((one) => one.close())))

async function start(options: Parameters<typeof startTasks>[0] = {}) {
  const rig = await startTasks(options)
  open.push(rig)
  return rig
}

const chatsOnly = { lacks: ['/completions'] }

test('a completion is relayed to an upstream that has them, as it is', async () => {
  const { post, emulator, openai } = await start()
  const body = '{"model":"lab/coder","prompt":["a","b"], "n":2,"suffix":"end","echo":true,"logprobs":5,"best_of":3}'
  const whole = z.looseObject({ choices: z.array(z.looseObject({ index: z.number(), text: z.string() })) })
  const { choices } = whole.parse(await (await post('/v1/completions', body)).json())
  expect(choices.map(({ text }) => text)).toEqual(['You began: a', 'You began: a', 'You began: b', 'You began: b'])
  expect(emulator.requests.at(-1)?.body).toBe(body.replace('lab/coder', 'coder'))
  const stream = await openai.completions.create({
    model: 'lab/coder',
    prompt: [[1, 2]],
    stream: true,
    stream_options: { include_usage: true },
  })
  const chunks = await Array.fromAsync(stream)
  expect(chunks.map((chunk) => chunk.choices[0]?.text ?? '').join('')).toBe('You began: 1,2')
  expect(chunks.at(-1)?.usage?.total_tokens).toBe(8)
})

test('without completions upstream a chat model answers, and the upstream is not asked for completions again', async () => {
  const { openai, emulator } = await start({ tasks: chatsOnly })
  for (let round = 0; round < 2; round++) {
    const completion = await openai.completions.create({
      model: 'lab/gpt-test',
      prompt: 'hello',
      max_tokens: 20,
      user: 'me',
    })
    expect(completion).toMatchObject({
      object: 'text_completion',
      model: 'lab/gpt-test',
      choices: [{ text: 'You said: hello', index: 0, logprobs: null, finish_reason: 'stop' }],
      usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
    })
    expect(completion.id).toStartWith('cmpl-')
  }
  expect(emulator.requests.filter(({ path }) => path === '/v1/completions')).toHaveLength(1)
  expect(emulator.chats).toMatchObject([
    {},
    { messages: [{ role: 'user', content: 'hello' }], max_tokens: 20, user: 'me' },
  ])
})

test('a model that only chats is learned from the words of its upstream, and other models are not', async () => {
  const refusal = { error: { message: 'This is a chat model and not supported in the v1/completions endpoint.' } }
  const { openai } = await start({
    tasks: {
      reply: (_, { request }) =>
        request.body.includes('gpt-test') ? { status: 404, headers: {}, body: [JSON.stringify(refusal)] } : undefined,
    },
  })
  for (let round = 0; round < 2; round++) {
    const text = async (model: string) => (await openai.completions.create({ model, prompt: 'hi' })).choices[0]?.text
    expect([await text('lab/gpt-test'), await text('lab/coder')]).toEqual(['You said: hi', 'You began: hi'])
  }
})

test('several prompts with several choices are numbered in order, whole and as a stream', async () => {
  const { openai } = await start({ tasks: chatsOnly })
  const asked = { model: 'lab/gpt-test', prompt: ['a', 'b', 'c'], n: 2 }
  const expected = ['a', 'a', 'b', 'b', 'c', 'c'].map((text) => `You said: ${text}`)
  const { choices } = await openai.completions.create(asked)
  expect(choices.map(({ index, text }) => [index, text])).toEqual([...expected.entries()])
  const options = { stream: true, stream_options: { include_usage: true } } as const
  const chunks = await Array.fromAsync(await openai.completions.create({ ...asked, ...options }))
  const texts = expected.map((_, at) =>
    chunks.flatMap((chunk) => chunk.choices.filter(({ index }) => index === at).map(({ text }) => text)).join(''),
  )
  expect(texts).toEqual(expected)
  const ends = chunks.flatMap((chunk) => chunk.choices.filter(({ finish_reason: end }) => end !== null))
  expect(ends.map(({ index }) => index).sort()).toEqual([0, 1, 2, 3, 4, 5])
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } })
})

test('a stream over a chat has the text, one end, no usage unless it is asked for, and [DONE]', async () => {
  const { post } = await start({ tasks: chatsOnly })
  const response = await post('/completions', { model: 'lab/gpt-test', prompt: 'hi', stream: true })
  const frames = (await response.text()).split('\n\n').filter((frame) => frame !== '')
  const choice = (text: string, finish_reason: string | null) => ({ text, index: 0, logprobs: null, finish_reason })
  const parsed = frames.slice(0, -1).map((frame) => JSON.parse(frame.slice('data: '.length)))
  expect(parsed.map(({ choices, usage }) => [choices, usage])).toEqual([
    [[choice('You', null)], undefined],
    [[choice(' said:', null)], undefined],
    [[choice(' hi', null)], undefined],
    [[choice('', 'stop')], undefined],
  ])
  expect(frames.at(-1)).toBe('data: [DONE]')
})

test('what a chat cannot do is refused with the reason', async () => {
  const { openai } = await start({ tasks: chatsOnly })
  const fault = async (body: object) => {
    const error = await errorFrom(openai.completions.create({ model: 'lab/gpt-test', prompt: 'a', ...body }))
    return [error.status, error.param]
  }
  for (const [name, value] of Object.entries({ suffix: 'end', echo: true, logprobs: 0, best_of: 2 }))
    expect(await fault({ [name]: value })).toEqual([400, name])
  for (const prompt of [[1, 2], [[1]], '', ['a', ''], [], 7, null]) expect((await fault({ prompt }))[0]).toBe(400)
  expect(await fault({ prompt: Array(65).fill('a'), n: 2 })).toEqual([400, 'prompt'])
  const error = await errorFrom(openai.completions.create({ model: 'lab/gpt-test', prompt: 'a', suffix: 'b' }))
  expect(error.message).toBe(
    '400 suffix: this model only answers chats, which have no text after the prompt. Use a model of an upstream with /v1/completions.',
  )
})

test('a chat that breaks off is an error event without [DONE], and a failed prompt fails all', async () => {
  const { post, emulator } = await start({ tasks: chatsOnly })
  const chunk = { id: 'a', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content: 'half' } }] }
  emulator.script({ body: [`data: ${JSON.stringify(chunk)}\n\n`], ending: 'rst', endDelayMs: 20 })
  const body = await (await post('/v1/completions', { model: 'lab/gpt-test', prompt: 'hi', stream: true })).text()
  expect(body).toContain('"text":"half"')
  expect(body).toContain('"code":"upstream_disconnected"')
  expect(body).not.toContain('[DONE]')
  emulator.script({ status: 400, headers: {}, body: ['{"error":{"message":"too odd"}}'] })
  const failed = await post('/v1/completions', { model: 'lab/gpt-test', prompt: ['a', 'b'] })
  expect([failed.status, await failed.text()]).toEqual([400, expect.stringContaining('too odd')])
})

test('a client that leaves ends every chat', async () => {
  const { gateway, emulator } = await start({ tasks: chatsOnly })
  emulator.script({ ending: 'stall' }, { ending: 'stall' }, { ending: 'stall' })
  const leaving = new AbortController()
  const asked = fetch(`${gateway.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'lab/gpt-test', prompt: ['a', 'b', 'c'], stream: true }),
    signal: leaving.signal,
  }).catch(() => undefined)
  await until(() => emulator.openConnections() === 3, 5_000, 'three chats run')
  leaving.abort()
  await asked
  await until(() => emulator.openConnections() === 0, 2_000, 'no chat runs')
})

test('twenty at once', async () => {
  const { openai } = await start({ tasks: chatsOnly })
  await each(Array(20).keys(), 20, async (at) => {
    const { choices } = await openai.completions.create({ model: 'lab/gpt-test', prompt: `number ${at}` })
    expect(choices[0]?.text).toBe(`You said: number ${at}`)
  })
})

test('without an upstream the built-in model answers, and an unknown model is not found', async () => {
  const { gateway, openai } = await start()
  const error = await errorFrom(openai.completions.create({ model: 'nothing', prompt: 'a' }))
  expect([error.status, error.code]).toEqual([404, 'model_not_found'])
  expect(gateway.lines.join('')).not.toContain('internal')
})

test('Codestral at Mistral fills in the middle, whole and as a stream, and refuses what it does not have', async () => {
  const mistral = await emulateMistral()
  const gateway = startGateway({ MISTRAL_TOKEN: 'any-token', MISTRAL_BASE_URL: mistral.origin })
  open.push(mistral, gateway)
  const openai = new OpenAI({ apiKey: 'none', baseURL: `${gateway.url}/v1`, maxRetries: 0 })
  const asked = { model: 'mistral/codestral-latest', prompt: 'f(', suffix: ')', seed: 7, user: 'me', stop: ['x'] }
  const whole = await openai.completions.create(asked)
  expect(whole).toMatchObject({
    object: 'text_completion',
    choices: [{ text: 'BETWEEN f( AND )', finish_reason: 'stop' }],
  })
  expect(JSON.parse(mistral.requests.at(-1)?.body ?? '')).toEqual({
    model: 'codestral-latest',
    prompt: 'f(',
    suffix: ')',
    stop: ['x'],
    random_seed: 7,
  })
  const chunks = await Array.fromAsync(await openai.completions.create({ ...asked, stream: true }))
  expect(chunks.map(({ choices }) => choices[0]?.text).join('')).toBe('BETWEEN f( AND )')
  expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'stop' }], usage: { total_tokens: 6 } })
  for (const body of [{ n: 2 }, { echo: true }, { logprobs: 1 }, { best_of: 2 }]) {
    const error = await errorFrom(openai.completions.create({ ...asked, ...body }))
    expect([error.status, error.param]).toEqual([400, Object.keys(body)[0] ?? null])
  }
  const chat = await openai.completions.create({ model: 'mistral/mistral-small-latest', prompt: 'hi' })
  expect(chat.choices[0]?.text).toBe('You said: hi')
})
