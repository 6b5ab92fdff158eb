import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import OpenAI from 'openai'
import { emulateOpenai, frame, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import { until } from '../waiting.ts'
import { build, emptyFolder, type Running, start } from './program.ts'
import { errorOf } from './sdk.ts'

// The official SDK's Responses API asks the executable, with an upstream that speaks only Chat Completions.

beforeAll(build, 120_000)

const ada = 'sk-ada-0123456789abcdef'
const bob = 'sk-bob-0123456789abcdef'
const model = 'openai/gpt-test'
const hello = { model, input: 'Hello there' }
const weather: OpenAI.Responses.FunctionTool = {
  type: 'function',
  name: 'weather',
  description: 'The weather of a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
  strict: false,
}

let openai: OpenaiEmulator
let gateway: Running
let client: OpenAI
let other: OpenAI
const clientOf = ({ url }: Pick<Running, 'url'>, apiKey: string) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 })
beforeAll(async () => {
  openai = await emulateOpenai({ keys: ['sk-upstream'] })
  gateway = await start({ API_MASTER_KEY: `${ada},${bob}`, OPENAI_BASE_URL: openai.url, OPENAI_API_KEY: 'sk-upstream' })
  client = clientOf(gateway, ada)
  other = clientOf(gateway, bob)
}, 120_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await openai.close()
})

const lastMessages = () => openai.chats.at(-1)?.messages

describe('responses.create', () => {
  test('answers whole', async () => {
    const response = await client.responses.create(hello)
    expect(response).toMatchObject({
      object: 'response',
      status: 'completed',
      model,
      usage: { input_tokens: 7, output_tokens: 4, total_tokens: 11 },
    })
    expect(response.output_text).toBe('You said: Hello there')
  })

  test('streams, and the SDK makes the same response of the events', async () => {
    const stream = client.responses.stream(hello)
    const texts: string[] = []
    stream.on('response.output_text.delta', ({ delta }) => void texts.push(delta))
    const response = await stream.finalResponse()
    expect(texts.join('')).toBe('You said: Hello there')
    expect(response.output_text).toBe('You said: Hello there')
    expect(response.output).toMatchObject((await client.responses.retrieve(response.id)).output)
  })

  test('calls tools in parallel, streamed and whole, and takes their outputs', async () => {
    const asked = { model, input: 'call weather time', tools: [weather, { ...weather, name: 'time' }] }
    const streamed = await client.responses.stream(asked).finalResponse()
    const whole = await client.responses.create(asked)
    const callsOf = (response: OpenAI.Responses.Response) =>
      response.output.flatMap((item) =>
        item.type === 'function_call' ? [[item.name, item.arguments, item.status]] : [],
      )
    expect(callsOf(streamed)).toEqual([
      ['weather', '{"city":"Paris"}', 'completed'],
      ['time', '{"city":"Paris"}', 'completed'],
    ])
    expect(callsOf(whole)).toEqual(callsOf(streamed))
    const outputs = whole.output.flatMap((item) =>
      item.type === 'function_call'
        ? [{ type: 'function_call_output' as const, call_id: item.call_id, output: `${item.name}!` }]
        : [],
    )
    await client.responses.create({ ...asked, previous_response_id: whole.id, input: outputs })
    expect(lastMessages()).toMatchObject([
      { role: 'user', content: 'call weather time' },
      { role: 'assistant', tool_calls: [{ function: { name: 'weather' } }, { function: { name: 'time' } }] },
      { role: 'tool', content: 'weather!' },
      { role: 'tool', content: 'time!' },
    ])
  })

  test('shows reasoning as its own item, before the message', async () => {
    const delta = (members: object) => frame({ choices: [{ index: 0, delta: members, finish_reason: null }] })
    const end = frame({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
    openai.script({
      body: [
        delta({ role: 'assistant', reasoning_content: 'Hm.' }),
        delta({ content: 'Yes.' }),
        end,
        'data: [DONE]\n\n',
      ],
    })
    const { output } = await client.responses.stream(hello).finalResponse()
    expect(output).toMatchObject([
      { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm.' }] },
      { type: 'message', content: [{ type: 'output_text', text: 'Yes.' }] },
    ])
  })

  test('parses a structured answer', async () => {
    const format = { type: 'json_schema' as const, name: 'n', schema: { type: 'object' }, strict: true }
    await client.responses.create({ ...hello, text: { format } })
    expect(openai.chats.at(-1)).toMatchObject({
      response_format: { type: 'json_schema', json_schema: { name: 'n', strict: true } },
    })
  })
})

describe('a conversation', () => {
  test('goes on by the id of its last response, and without its instructions', async () => {
    const first = await client.responses.create({ ...hello, instructions: 'Be brief.' })
    const second = await client.responses.create({ model, input: 'and?', previous_response_id: first.id })
    await client.responses.create({ model, input: 'so?', previous_response_id: second.id })
    expect(lastMessages()).toEqual([
      { role: 'user', content: 'Hello there' },
      { role: 'assistant', content: 'You said: Hello there' },
      { role: 'user', content: 'and?' },
      { role: 'assistant', content: 'You said: and?' },
      { role: 'user', content: 'so?' },
    ])
  })

  test('goes on by references to its items', async () => {
    const { output } = await client.responses.create(hello)
    const reference = { type: 'item_reference' as const, id: output[0]?.id ?? '' }
    await client.responses.create({
      model,
      input: [{ role: 'user', content: 'Hello there' }, reference, { role: 'user', content: 'and?' }],
    })
    expect(lastMessages()).toMatchObject([
      { role: 'user' },
      { role: 'assistant', content: 'You said: Hello there' },
      { role: 'user' },
    ])
    const unknown = { type: 'item_reference' as const, id: 'msg_gone' }
    expect(await errorOf(client.responses.create({ model, input: [unknown] }))).toMatchObject({
      status: 400,
      param: 'input[0]',
    })
  })

  test('is of one client, and is forgotten when that client says so', async () => {
    const { id } = await client.responses.create(hello)
    const asked = { model, input: 'and?', previous_response_id: id }
    expect(await errorOf(other.responses.retrieve(id))).toMatchObject({ status: 404 })
    expect(await errorOf(other.responses.create(asked))).toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
    })
    await errorOf(other.responses.delete(id))
    expect((await client.responses.retrieve(id)).id).toBe(id)
    await client.responses.delete(id)
    expect(await errorOf(client.responses.retrieve(id))).toMatchObject({ status: 404 })
    expect(await errorOf(client.responses.create(asked))).toMatchObject({ status: 400, param: 'previous_response_id' })
  })

  test('is not kept if the client does not want it', async () => {
    const { id } = await client.responses.create({ ...hello, store: false })
    expect(await errorOf(client.responses.retrieve(id))).toMatchObject({ status: 404 })
  })

  test('lists its items, page by page', async () => {
    const { id } = await client.responses.create({
      model,
      input: ['one', 'two', 'three'].map((content) => ({ role: 'user' as const, content })),
    })
    const textsOf = async (order: 'asc' | 'desc') =>
      (await Array.fromAsync(client.responses.inputItems.list(id, { order, limit: 2 }))).map((item) =>
        'content' in item ? item.content : '',
      )
    expect<unknown>(await textsOf('asc')).toEqual(['one', 'two', 'three'])
    expect<unknown>(await textsOf('desc')).toEqual(['three', 'two', 'one'])
  })

  test('goes on after a restart, if the state is in a file', async () => {
    await using folder = await emptyFolder()
    const variables = {
      API_MASTER_KEY: ada,
      OPENAI_BASE_URL: openai.url,
      OPENAI_API_KEY: 'sk-upstream',
      STATE_URL: `sqlite:${folder.path}/state.db`,
      STATE_SECRET: 'a-secret-of-the-responses-tests',
    }
    let id = ''
    for (const input of ['first', 'second']) {
      await using program = await start(variables)
      const chained = id === '' ? {} : { previous_response_id: id }
      const response = await clientOf(program, ada)
        .responses.stream({ model, input, ...chained })
        .finalResponse()
      id = response.id
      // like a crash of the machine, as soon as the client has the end
      await program.stop('SIGKILL')
    }
    expect(lastMessages()).toMatchObject([{ content: 'first' }, { role: 'assistant' }, { content: 'second' }])
  }, 60_000)
})

test('a background response and its events are read after a crash, if the state is in a file', async () => {
  await using folder = await emptyFolder()
  const variables = {
    API_MASTER_KEY: ada,
    OPENAI_BASE_URL: openai.url,
    OPENAI_API_KEY: 'sk-upstream',
    STATE_URL: `sqlite:${folder.path}/state.db`,
    STATE_SECRET: 'a-secret-of-the-responses-tests',
  }
  const seen: OpenAI.Responses.ResponseStreamEvent[] = []
  {
    await using program = await start(variables)
    const stream = await clientOf(program, ada).responses.create({ ...hello, background: true, stream: true })
    for await (const event of stream) seen.push(event)
    await program.stop('SIGKILL')
  }
  await using program = await start(variables)
  const [first, last] = [seen[0], seen.at(-1)]
  if (first?.type !== 'response.created' || last?.type !== 'response.completed') throw new Error('it is not complete')
  const later = clientOf(program, ada)
  expect(await later.responses.retrieve(first.response.id)).toMatchObject({ status: 'completed' })
  const again = await later.responses.retrieve(first.response.id, { stream: true, starting_after: 2 })
  expect(await Array.fromAsync(again)).toEqual(seen.slice(3))
}, 60_000)

describe('a failure', () => {
  test('before the first event is a status', async () => {
    expect(await errorOf(client.responses.create({ ...hello, model: 'openai/none' }))).toMatchObject({
      status: 404,
      code: 'model_not_found',
    })
    expect(await errorOf(client.responses.create({ model }))).toMatchObject({ status: 400, param: 'input' })
  })

  test('in the middle of a stream is a failed response', async () => {
    const begun = frame({ choices: [{ index: 0, delta: { role: 'assistant', content: 'Hel' }, finish_reason: null }] })
    openai.script({ body: [begun], ending: 'rst', endDelayMs: 20 })
    const events = await Array.fromAsync(await client.responses.create({ ...hello, stream: true }))
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error' } },
    })
  })
})

test('a client that leaves stops the upstream', async () => {
  const begun = frame({ choices: [{ index: 0, delta: { role: 'assistant', content: 'Hel' }, finish_reason: null }] })
  openai.script({ body: [begun], ending: 'stall' })
  const before = openai.closedAt.length
  for await (const event of await client.responses.create({ ...hello, stream: true }))
    if (event.type === 'response.output_text.delta') break
  await until(() => openai.closedAt.length > before, 1_000, 'the upstream connection is closed')
})

test('a WebSocket is refused in the way after which Codex goes on at once', async () => {
  const response = await fetch(`${gateway.url}/v1/responses`, { headers: { authorization: `Bearer ${ada}` } })
  expect(response.status).toBe(426)
})

test('the tokens of an input are estimated by the gateway', async () => {
  const asked = openai.chats.length
  const { input_tokens } = await client.responses.inputTokens.count({
    model,
    input: 'The quick brown fox. '.repeat(100),
  })
  // a tokenizer of OpenAI's counts 501
  expect(input_tokens).toBeWithin(501, 1_000)
  expect(openai.chats.length).toBe(asked)
})
