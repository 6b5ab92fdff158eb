/** `POST /v1/embeddings` with the whole program, the official client and real sockets. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import OpenAI from 'openai'
import { z } from 'zod'
import { emulateCohere } from '../src/providers/cohere/emulator/index.ts'
import { emulateMistral } from '../src/providers/mistral/emulator/index.ts'
import { embeddingOf } from '../src/providers/openai-compatible/emulator/tasks.ts'
import { startGateway } from './chaos/gateway.ts'
import { errorFrom, startTasks } from './task-rig.ts'
import { until } from './waiting.ts'

setDefaultTimeout(30_000)

const open: { close(): Promise<unknown> }[] = []
afterAll(() => Promise.all(open.map((one) => one.close())))

async function start(options: Parameters<typeof startTasks>[0] = {}) {
  const rig = await startTasks(options)
  open.push(rig)
  return rig
}

const texts = (count: number) => Array.from({ length: count }, (_, at) => `text number ${at}`)
const Wire = z.object({ data: z.array(z.object({ index: z.number(), embedding: z.unknown() })) })
const Sent = z.looseObject({ input: z.array(z.unknown()), model: z.string() })

test('the official client, which asks for base64, gets the numbers of each text in order', async () => {
  const { openai, bodiesAt } = await start()
  const { data, usage, model } = await openai.embeddings.create({ model: 'lab/embed', input: ['one', 'two words'] })
  expect(data.map(({ index, embedding }) => [index, embedding])).toEqual([
    [0, embeddingOf('one')],
    [1, embeddingOf('two words')],
  ])
  expect([usage, model]).toEqual([{ prompt_tokens: 4, total_tokens: 4 }, 'lab/embed'])
  // an unknown server is asked for numbers, which all of them give
  expect(bodiesAt('/embeddings')).toEqual([{ model: 'embed', input: ['one', 'two words'] }])
})

test('the answer has the format that was asked for', async () => {
  const { post } = await start()
  const embedding = async (format?: string) => {
    const response = await post('/v1/embeddings', { model: 'lab/embed', input: 'one', encoding_format: format })
    return Wire.parse(await response.json()).data[0]?.embedding
  }
  const base64 = Buffer.from(new Float32Array(embeddingOf('one')).buffer).toString('base64')
  expect([await embedding(), await embedding('float'), await embedding('base64')]).toEqual([
    embeddingOf('one'),
    embeddingOf('one'),
    base64,
  ])
})

test('an upstream that answers in base64 unasked is understood', async () => {
  const base64 = Buffer.from(new Float32Array([1, -2]).buffer).toString('base64')
  const body = [JSON.stringify({ data: [{ embedding: base64 }] })]
  const { openai } = await start({ tasks: { reply: () => ({ headers: {}, body }) } })
  const asked = { model: 'lab/embed', input: 'some words', encoding_format: 'float' } as const
  const { data, usage } = await openai.embeddings.create(asked)
  expect(data[0]?.embedding).toEqual([1, -2])
  // the upstream states no usage
  expect(usage).toMatchObject({ estimated: true, prompt_tokens: 2 })
})

test('a long request is split, also at a limit that only the refusal states, and comes back in order', async () => {
  const { openai, bodiesAt } = await start({ tasks: { maxInputs: 32 } })
  for (let round = 0; round < 2; round++) {
    const { data, usage } = await openai.embeddings.create({ model: 'lab/embed', input: texts(300) })
    expect(data.map(({ index }) => index)).toEqual(Array.from({ length: 300 }, (_, at) => at))
    expect(data.map(({ embedding }) => embedding)).toEqual(texts(300).map((text) => embeddingOf(text)))
    expect(usage.prompt_tokens).toBe(600)
  }
  const second = z.array(Sent).parse(bodiesAt('/embeddings').slice(-10))
  expect(second.map(({ input }) => input.length).sort((a, b) => a - b)).toEqual([12, ...Array(9).fill(32)])
})

test('one failed part fails the request and stops the others', async () => {
  let asked = 0
  const { openai, emulator } = await start({
    tasks: {
      reply: () =>
        ++asked === 2 ? { status: 400, headers: {}, body: ['{"error":{"message":"no"}}'] } : { ending: 'stall' },
    },
  })
  const error = await errorFrom(openai.embeddings.create({ model: 'lab/embed', input: texts(2_000) }))
  expect([error.status, error.message]).toEqual([400, '400 no'])
  await until(() => emulator.openConnections() <= 1, 2_000, 'the other parts are stopped')
  expect(asked).toBeLessThanOrEqual(4)
})

test('a part goes to another key when one is refused or limited, and each part has all its attempts', async () => {
  const { openai, emulator } = await start({ keys: ['bad-1', 'bad-2', 'good-1'] })
  const { data } = await openai.embeddings.create({ model: 'lab/embed', input: texts(1_000) })
  expect(data).toHaveLength(1_000)
  expect(emulator.requests.filter(({ path }) => path === '/v1/embeddings').length).toBeGreaterThan(8)
})

test('what cannot be embedded is refused with its place', async () => {
  const { openai, post } = await start()
  const fault = async (body: object) => {
    const response = await post('/v1/embeddings', { model: 'lab/embed', ...body })
    const { error } = z.object({ error: z.object({ message: z.string() }) }).parse(await response.json())
    return [response.status, error.message]
  }
  expect(await fault({})).toEqual([400, 'input: is required.'])
  expect(await fault({ input: [] })).toEqual([400, 'input: must not be empty.'])
  expect(await fault({ input: '' })).toEqual([400, 'input: must not be empty.'])
  expect(await fault({ input: ['a', ''] })).toEqual([400, 'input[1]: must not be empty.'])
  expect(await fault({ input: [['a']] })).toEqual([
    400,
    'input[0]: must be a string or a list of token numbers, not a list.',
  ])
  expect(await fault({ input: 'a', encoding_format: 'int8' })).toEqual([
    400,
    'encoding_format: must be "float" or "base64".',
  ])
  expect(await fault({ input: texts(2_049) })).toEqual([400, 'input: must have at most 2048 items.'])
  const tokens = await errorFrom(openai.embeddings.create({ model: 'lab/bge-m3', input: [[1, 2]] }))
  expect([tokens.status, tokens.message]).toEqual([
    400,
    '400 input: this model does not read the token numbers of OpenAI. Send text: in LangChain set check_embedding_ctx_length=False.',
  ])
})

test('token numbers reach the models of OpenAI, as one input or as several', async () => {
  const { openai, bodiesAt } = await start()
  const model = 'lab/openai/text-embedding-3-small'
  for (const input of [
    [1, 2, 3],
    [[1, 2], [3]],
  ])
    expect((await openai.embeddings.create({ model, input })).data).toHaveLength(input.length === 3 ? 1 : 2)
  expect(
    z
      .array(Sent)
      .parse(bodiesAt('/embeddings'))
      .map(({ input }) => input),
  ).toEqual([[[1, 2, 3]], [[1, 2], [3]]])
  const most = Array.from({ length: 100 }, () => Array<number>(3_000).fill(100))
  expect((await openai.embeddings.create({ model, input: most })).data).toHaveLength(100)
})

test('dimensions that an upstream ignores are made of a model that allows it, and refused for others', async () => {
  const { openai } = await start({ tasks: { ignoresDimensions: true } })
  const asked = { input: 'one', dimensions: 2 }
  const { data } = await openai.embeddings.create({ model: 'lab/nomic-embed-text:v1.5', ...asked })
  expect(data[0]?.embedding.length).toBe(2)
  expect(Math.hypot(...(data[0]?.embedding ?? []))).toBeCloseTo(1, 6)
  const error = await errorFrom(openai.embeddings.create({ model: 'lab/bge-m3', ...asked }))
  expect([error.status, error.param]).toEqual([400, 'dimensions'])
})

test('a chat model is refused in the words of its upstream, and no account is blamed', async () => {
  const { openai, gateway } = await start({ keys: ['good-1'] })
  const error = await errorFrom(openai.embeddings.create({ model: 'lab/gpt-test', input: 'one' }))
  expect([error.status, error.code]).toEqual([400, 'unsupported_task'])
  expect(error.message).toContain('You are not allowed to generate embeddings from this model')
  expect((await openai.embeddings.create({ model: 'lab/embed', input: 'one' })).data).toHaveLength(1)
  expect(gateway.lines.join('')).not.toContain('an account rests')
})

test('an upstream that lies about the number of embeddings, or breaks off, is a failure', async () => {
  for (const body of [
    ['{"data":[]}'],
    ['{"data":[{"index":1,"embedding":[1]}]}'],
    ['{"data":[{"embedding":["x"]}]}'],
    ['{"data":[{"embedding":"no base 64"}]}'],
    ['not json'],
  ]) {
    const { openai } = await start({ tasks: { reply: () => ({ headers: {}, body }) } })
    const error = await errorFrom(openai.embeddings.create({ model: 'lab/embed', input: 'one' }))
    expect([body, error.status]).toEqual([body, 502])
  }
  const cut = await start({ tasks: { reply: () => ({ body: ['{"data":[{'], ending: 'rst' }) } })
  expect((await errorFrom(cut.openai.embeddings.create({ model: 'lab/embed', input: 'one' }))).status).toBe(502)
})

test('a client that leaves stops every part', async () => {
  const { gateway, emulator } = await start({ tasks: { reply: () => ({ ending: 'stall' }) } })
  const leaving = new AbortController()
  const asked = fetch(`${gateway.url}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'lab/embed', input: texts(600) }),
    signal: leaving.signal,
  }).catch(() => undefined)
  await until(() => emulator.openConnections() === 4, 5_000, 'four parts run')
  leaving.abort()
  await asked
  await until(() => emulator.openConnections() === 0, 2_000, 'no part runs')
})

test('twenty clients at once get their own answers, without /v1 in their address too', async () => {
  const { post } = await start({ tasks: { maxInputs: 8 } })
  const answers = await Promise.all(
    texts(20).map(async (text, at) => {
      const response = await post(at % 2 ? '/embeddings' : '/v1/embeddings', {
        model: 'lab/embed',
        input: Array(20).fill(text),
      })
      return Wire.parse(await response.json()).data
    }),
  )
  for (const [at, text] of texts(20).entries())
    expect(answers[at]?.map(({ embedding }) => embedding)).toEqual(Array(20).fill(embeddingOf(text)))
})

test('Cohere embeds 96 texts at a time in its own dialect, and Mistral as many as its tokens allow', async () => {
  const [cohere, mistral] = await Promise.all([
    emulateCohere({ models: ['embed-v4.0', 'rerank-v3.5'] }),
    emulateMistral(),
  ])
  const gateway = startGateway({
    COHERE_TOKEN: 'any-token',
    COHERE_BASE_URL: cohere.origin,
    MISTRAL_TOKEN: 'any-token',
    MISTRAL_BASE_URL: mistral.origin,
  })
  open.push(cohere, mistral, gateway)
  const openai = new OpenAI({ apiKey: 'none', baseURL: `${gateway.url}/v1`, maxRetries: 0 })
  for (const model of ['embed-v4.0', 'mistral-embed']) {
    const { data } = await openai.embeddings.create({ model, input: texts(200), user: 'somebody', dimensions: 256 })
    expect(data.map(({ embedding }) => embedding[0])).toEqual(texts(200).map((text) => text.length))
    expect(data[0]?.embedding.length).toBe(256)
  }
  const Embed = z.object({ texts: z.array(z.string()), input_type: z.string() })
  const asked = cohere.requests
    .filter(({ path }) => path === '/v2/embed')
    .map(({ body }) => Embed.parse(JSON.parse(body)))
  expect(asked.map((body) => body.texts.length).sort()).toEqual([8, 96, 96])
  expect(asked[0]?.input_type).toBe('search_document')
  const query = { model: 'embed-v4.0', input: 'one', input_type: 'search_query' }
  expect((await openai.embeddings.create(query)).usage.prompt_tokens).toBe(1)
  expect(cohere.requests.at(-1)?.body).toContain('"input_type":"search_query"')
  const kinds = await openai.models.list()
  expect(kinds.data.filter((one) => 'type' in one && one.type !== 'model').map(({ id }) => id)).toEqual([
    'cohere/embed-v4.0',
    'cohere/rerank-v3.5',
    'mistral/mistral-embed',
  ])
  const ranked = await fetch(`${gateway.url}/v2/rerank`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'rerank-v3.5', query: 'q', documents: ['a', 'b'], top_n: 1 }),
  })
  expect(await ranked.json()).toMatchObject({ results: [{ index: 0, relevance_score: 1 }] })
  expect((await openai.moderations.create({ model: 'mistral/mistral-moderation', input: 'a' })).results).toHaveLength(1)
  const unserved = await errorFrom(openai.embeddings.create({ model: 'cohere/embed-v4.0', input: [[1]] }))
  expect(unserved.message).toContain('check_embedding_ctx_length=False')
})
