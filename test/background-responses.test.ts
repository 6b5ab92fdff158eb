/** Responses that are made in the background: polled, read again from any event, cancelled, and ended by a stop of the gateway. */
import { afterAll, describe, expect, test } from 'bun:test'
import OpenAI, { APIError } from 'openai'
import type { Runtime } from '../src/flow/runtime.ts'
import { emulateOpenai, frame } from '../src/providers/openai-compatible/emulator/index.ts'
import { MemoryStore } from '../src/state/memory/memory-store.ts'
import { machine, machineWith } from '../src/wire/machine.double.ts'
import { startChatServer } from './chaos/chat-server-rig.ts'
import { until } from './waiting.ts'

/** A store that outlives its gateway, like a file. */
class LastingStore extends MemoryStore {
  constructor() {
    super({ runtime: machine })
  }

  override async close(): Promise<void> {
    // the next gateway uses it
  }
}

const emulator = await emulateOpenai()
const keys = ['sk-ada-0123456789abcdef', 'sk-bob-0123456789abcdef']
const variables = { API_MASTER_KEY: keys.join(','), UPSTREAM_LAB_URL: emulator.url, SHUTDOWN_GRACE: '1' }
const start = (store = new LastingStore(), runtime: Runtime = machine) =>
  startChatServer(variables, { store, surroundings: { runtime } })
const store = new LastingStore()
const gateway = start(store)
const clientAt = ({ url }: { readonly url: string }, apiKey = keys[0]) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: apiKey ?? '', maxRetries: 0 })
const client = clientAt(gateway)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await emulator.close()
})

const asked = { model: 'lab/gpt-test', input: 'Hello there', background: true as const }
const delta = (members: object, finish_reason: string | null = null) =>
  frame({ choices: [{ index: 0, delta: members, finish_reason }] })
const done = 'data: [DONE]\n\n'

/** Scripts an answer whose second half comes when it is let go. */
function scriptHalves(ending = [delta({}, 'stop'), done]) {
  const gate = Promise.withResolvers<void>()
  async function* body(): AsyncGenerator<string> {
    yield delta({ role: 'assistant', content: 'Hel' })
    await gate.promise
    yield delta({ content: 'lo.' })
    yield* ending
  }
  emulator.script({ body: body() })
  return { goOn: gate.resolve }
}

const isDone = ({ status }: OpenAI.Responses.Response) => status !== 'queued' && status !== 'in_progress'

async function ended(id: string, of = client): Promise<OpenAI.Responses.Response> {
  let response = await of.responses.retrieve(id)
  await until(
    async () => {
      response = await of.responses.retrieve(id)
      return isDone(response)
    },
    10_000,
    'the end of the response',
  )
  return response
}

const eventsOf = async (id: string, starting_after?: number, of = client) =>
  Array.fromAsync(
    await of.responses.retrieve(id, { stream: true, ...(starting_after !== undefined && { starting_after }) }),
  )
const errorOf = (asking: Promise<unknown>) =>
  asking.then(() => undefined).catch((thrown: unknown) => (thrown instanceof APIError ? thrown : undefined))

test('it is queued at once, and polled until it is complete', async () => {
  const { goOn } = scriptHalves()
  const queued = await client.responses.create(asked)
  expect(queued).toMatchObject({ status: 'queued', background: true, output: [] })
  await until(async () => (await client.responses.retrieve(queued.id)).status === 'in_progress', 5_000, 'it begins')
  goOn()
  const response = await ended(queued.id)
  expect(response).toMatchObject({ id: queued.id, status: 'completed', background: true })
  expect(response.output_text).toBe('Hello.')
  const unkept = await errorOf(client.responses.create({ ...asked, store: false }))
  expect(unkept).toMatchObject({ status: 400, param: 'store' })
})

test('it goes on when its reader has left, and is read again from any event', async () => {
  const { goOn } = scriptHalves()
  const seen: OpenAI.Responses.ResponseStreamEvent[] = []
  for await (const event of await client.responses.create({ ...asked, stream: true })) {
    seen.push(event)
    if (event.type === 'response.output_text.delta') break
  }
  const [created] = seen
  if (created?.type !== 'response.created') throw new Error('it does not begin')
  expect(created.response.status).toBe('queued')
  const { id } = created.response
  const last = seen.at(-1)?.sequence_number ?? 0
  // a reader of events that are still to come
  const rest = eventsOf(id, last)
  goOn()
  const all = await eventsOf(id)
  expect(all.slice(0, seen.length)).toEqual(seen)
  expect(await rest).toEqual(all.slice(seen.length))
  expect(all.map(({ sequence_number }) => sequence_number)).toEqual(all.map((_, at) => at))
  expect(all.map(({ type }) => type)).toEqual([
    'response.created',
    'response.queued',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.completed',
  ])
  expect(all.at(-1)).toMatchObject({ response: await client.responses.retrieve(id).then(({ output }) => ({ output })) })
  expect(await eventsOf(id, all.length - 1)).toEqual([])
  const wrong = await fetch(`${gateway.url}/v1/responses/${id}?stream=true&starting_after=x`, {
    headers: { authorization: `Bearer ${keys[0]}` },
  })
  expect([wrong.status, await wrong.json()]).toMatchObject([400, { error: { param: 'starting_after' } }])
})

test('the SDK makes the same response of a replay', async () => {
  const { goOn } = scriptHalves()
  const { id } = await client.responses.create(asked)
  goOn()
  const response = await client.responses.stream({ response_id: id }).finalResponse()
  expect(response.output_text).toBe('Hello.')
})

describe('cancelled', () => {
  test('it stops the upstream, and keeps what there was', async () => {
    scriptHalves()
    const closed = emulator.closedAt.length
    const { id } = await client.responses.create(asked)
    const events = eventsOf(id)
    await until(async () => (await client.responses.retrieve(id)).status === 'in_progress', 5_000, 'it begins')
    const cancelled = await client.responses.cancel(id)
    expect(cancelled).toMatchObject({ status: 'cancelled', output: [{ type: 'message', status: 'incomplete' }] })
    await until(() => emulator.closedAt.length > closed, 5_000, 'the upstream is left')
    expect((await events).at(-1)).toMatchObject({ type: 'response.incomplete', response: { status: 'cancelled' } })
    // again it changes nothing
    expect(await client.responses.cancel(id)).toMatchObject({ status: 'cancelled' })
  })

  test('only a background response can be', async () => {
    const { id } = await client.responses.create({ ...asked, background: false })
    expect(await errorOf(client.responses.cancel(id))).toMatchObject({ status: 400 })
    expect(await errorOf(client.responses.retrieve(id, { stream: true }))).toMatchObject({
      status: 400,
      param: 'stream',
    })
  })

  test('it is deleted while it is made', async () => {
    scriptHalves()
    const { id } = await client.responses.create(asked)
    await client.responses.delete(id)
    expect(await errorOf(client.responses.retrieve(id))).toMatchObject({ status: 404 })
    expect(await errorOf(client.responses.retrieve(id, { stream: true }))).toMatchObject({ status: 404 })
  })
})

test('it belongs to its client', async () => {
  const { goOn } = scriptHalves()
  const { id } = await client.responses.create(asked)
  const other = clientAt(gateway, keys[1])
  expect(await errorOf(other.responses.retrieve(id, { stream: true }))).toMatchObject({ status: 404 })
  expect(await errorOf(other.responses.cancel(id))).toMatchObject({ status: 404 })
  goOn()
  expect((await ended(id)).status).toBe('completed')
})

test('a failure is a failed response with what there was, and its stream says so', async () => {
  emulator.script({ body: [delta({ role: 'assistant', content: 'Hel' })], ending: 'rst', endDelayMs: 20 })
  const { id } = await client.responses.create(asked)
  const response = await ended(id)
  expect(response).toMatchObject({ status: 'failed', error: { code: 'server_error' } })
  expect(response.output_text).toBe('Hel')
  expect((await eventsOf(id)).at(-1)).toMatchObject({ type: 'response.failed', response: { id } })
  const unknown = await client.responses.create({ ...asked, model: 'lab/none' })
  expect(await ended(unknown.id)).toMatchObject({ status: 'failed', error: { code: 'invalid_prompt' }, output: [] })
})

test('a response that is too large for the state has failed for those who ask', async () => {
  const piece = delta({ content: 'x'.repeat(1024 * 1024) })
  emulator.script({ body: [...Array.from({ length: 9 }, () => piece), delta({}, 'stop'), done] })
  const { id } = await client.responses.create(asked)
  expect(await ended(id)).toMatchObject({ status: 'failed', error: { code: 'invalid_prompt' }, output: [] })
})

test('a conversation goes on when it is complete, and not before', async () => {
  const { goOn } = scriptHalves()
  const { id } = await client.responses.create(asked)
  const next = { model: asked.model, input: 'and?', previous_response_id: id }
  expect(await errorOf(client.responses.create(next))).toMatchObject({ status: 400, param: 'previous_response_id' })
  goOn()
  await ended(id)
  await client.responses.create(next)
  expect(emulator.chats.at(-1)?.messages).toMatchObject([
    { role: 'user' },
    { role: 'assistant', content: 'Hello.' },
    {},
  ])
})

test('ten are made at the same time', async () => {
  const ids = await Promise.all(
    Array.from({ length: 10 }, async (_, at) => (await client.responses.create({ ...asked, input: `${at}` })).id),
  )
  const texts = await Promise.all(ids.map(async (id) => (await ended(id)).output_text))
  expect(texts).toEqual(ids.map((_, at) => `You said: ${at}`))
})

describe('when the gateway stops', () => {
  test('one that ends in time is complete, and is read from the state later', async () => {
    const kept = new LastingStore()
    const { goOn } = scriptHalves()
    const first = start(kept)
    const { id } = await clientAt(first).responses.create(asked)
    const stopping = first[Symbol.asyncDispose]()
    goOn()
    await stopping
    await using second = start(kept)
    expect(await ended(id, clientAt(second))).toMatchObject({ status: 'completed' })
    expect((await eventsOf(id, 4, clientAt(second))).at(-1)).toMatchObject({ type: 'response.completed' })
  })

  test('one that takes too long has failed, with what there was', async () => {
    const kept = new LastingStore()
    scriptHalves()
    const first = start(kept)
    const { id } = await clientAt(first).responses.create(asked)
    await until(async () => (await clientAt(first).responses.retrieve(id)).status === 'in_progress', 5_000, 'it begins')
    await first[Symbol.asyncDispose]()
    await using second = start(kept)
    const response = await clientAt(second).responses.retrieve(id)
    expect(response).toMatchObject({ status: 'failed', error: { code: 'server_error' } })
    expect(response.output_text).toBe('Hel')
  })

  test('without a word, one has failed as soon as nobody writes it', async () => {
    const { goOn } = scriptHalves()
    const { id } = await client.responses.create(asked)
    await until(async () => (await client.responses.retrieve(id)).status === 'in_progress', 5_000, 'it begins')
    // for this gateway the other one has been silent for half a minute
    await using later = start(store, machineWith({ now: () => Date.now() + 30_000 }))
    const events = await eventsOf(id, undefined, clientAt(later))
    expect(events.at(-1)).toMatchObject({ type: 'response.failed', response: { error: { code: 'server_error' } } })
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, at) => at))
    expect((await clientAt(later).responses.retrieve(id)).status).toBe('failed')
    goOn()
  })
})
