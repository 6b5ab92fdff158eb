import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import {
  type EmulatedChat,
  emulateOpenai,
  type OpenaiEmulator,
} from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { until } from '../waiting.ts'
import { askChatServer, browserEvents, json, messageOf, post, textOf, typesOf } from './chat-server-client.ts'
import { calling, chunk, saying, stalling } from './chat-server-model.ts'
import { type ChatServerRig, mcpServers, startChatServer, stdio } from './chat-server-rig.ts'

const keys = { ada: 'sk-sessions-ada-0123456789', bob: 'sk-sessions-bob-0123456789' }

let model: OpenaiEmulator
let rig: ChatServerRig
const spoken = (): Script => saying('Hello', ' there.')
let reply: (chat: EmulatedChat) => Script = spoken
let newest: EmulatedChat | undefined
beforeAll(async () => {
  model = await emulateOpenai({
    models: ['m', 'n'],
    reply: (chat) => {
      newest = chat
      return reply(chat)
    },
  })
  rig = startChatServer({
    UPSTREAM_LAB_URL: model.url,
    UPSTREAM_LAB_MODELS: 'm,n',
    UPSTREAM_LAB_KEY: 'sessions-lab-key',
    API_MASTER_KEY: `${keys.ada},${keys.bob}`,
    ...mcpServers({ lab: stdio('stdio') }),
  })
})
afterEach(() => {
  reply = spoken
})
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  await model.close()
})

const key = keys.ada
const say = (session: string, content = 'Hello', more: object = {}) =>
  askChatServer(rig.url, { session_id: session, content, ...more }, { key })
const get = (path: string, as = key) => json(fetch(`${rig.url}${path}`, { headers: { authorization: `Bearer ${as}` } }))
const remove = (path: string, as = key) =>
  json(fetch(`${rig.url}${path}`, { method: 'DELETE', headers: { authorization: `Bearer ${as}` } }))
const rolesIn = (messages: unknown) =>
  Array.isArray(messages) ? messages.map(({ role }: { role: string }) => role).join(' ') : ''

describe('a session', () => {
  test('is sent to the model again with each message', async () => {
    await say('again', 'One')
    await say('again', 'Two')
    expect(newest?.messages.map(({ role, content }) => [role, content])).toEqual([
      ['user', 'One'],
      ['assistant', 'Hello there.'],
      ['user', 'Two'],
    ])
  })

  test('is listed, read with a limit, and deleted', async () => {
    await say('to be deleted')
    const { body } = await get('/api/sessions?limit=1')
    expect(body.sessions).toMatchObject([{ id: 'to be deleted', messages: 2 }])
    const path = `/api/sessions/${encodeURIComponent('to be deleted')}/messages`
    expect(rolesIn((await get(path)).body.messages)).toBe('user assistant')
    expect(rolesIn((await get(`${path}?limit=1`)).body.messages)).toBe('assistant')
    expect(await get(`${path}?limit=-1`)).toMatchObject({ status: 400, body: { error: { param: 'limit' } } })
    expect(await remove(path)).toEqual({ status: 200, body: { message: 'Session deleted', deleted: true } })
    for (const gone of [await get(path), await remove(path)])
      expect(gone).toMatchObject({ status: 404, body: { error: { code: 'session_not_found' } } })
  })

  test('that another request writes is refused as busy, or waited for if the request asks for that', async () => {
    const first = Promise.withResolvers<void>()
    async function* slowly() {
      yield chunk({ role: 'assistant', content: 'Slow' })
      await first.promise
      yield* saying('ly.').body ?? []
    }
    reply = () => ({ body: slowly() })
    const asked = model.chats.length
    const running = post(rig.url, { session_id: 'busy', content: 'One' }, { key })
    await until(() => model.chats.length > asked, 20_000, 'the first is asked')
    const second = await post(rig.url, { session_id: 'busy', content: 'Two' }, { key })
    expect(second.status).toBe(409)
    expect(JSON.parse(await second.text())).toMatchObject({ error: { code: 'session_busy', param: null } })
    expect(await remove('/api/sessions/busy/messages')).toMatchObject({ status: 409 })
    const waiting = post(rig.url, { session_id: 'busy', content: 'Three' }, { key, query: '?wait=true' })
    // another session is independent, and so is the same name of another client
    reply = spoken
    expect(typesOf(await say('not busy')).at(-1)).toBe('done')
    expect(typesOf(await askChatServer(rig.url, { session_id: 'busy', content: 'x' }, { key: keys.bob })).at(-1)).toBe(
      'done',
    )
    first.resolve()
    expect(textOf(await Array.fromAsync(browserEvents(await running)))).toBe('Slowly.')
    expect(textOf(await Array.fromAsync(browserEvents(await waiting)))).toBe('Hello there.')
    const { body } = await get('/api/sessions/busy/messages')
    expect(rolesIn(body.messages)).toBe('user assistant user assistant')
  })

  test('answers a repeated request with the stored answer', async () => {
    reply = (chat) =>
      chat.messages.at(-1)?.role === 'tool' ? saying('Said.') : calling([['e1', 'lab__echo', '{"text":"x"}']], 'Look:')
    const first = await say('once', 'Hello', { request_id: 'r-1' })
    const asked = model.chats.length
    const again = await say('once', 'Hello', { request_id: 'r-1' })
    expect(model.chats.length).toBe(asked)
    expect(messageOf(again)).toEqual(messageOf(first))
    expect(typesOf(again)).toEqual(['chunk', 'complete', 'done'])
    expect(textOf(again)).toBe(textOf(first))
    const { body } = await get('/api/sessions/once/messages')
    expect(rolesIn(body.messages)).toBe('user assistant tool assistant')
  })

  test('goes on after a failure, which is stored and marked', async () => {
    reply = () => ({
      status: 500,
      headers: { 'content-type': 'application/json' },
      body: ['{"error":{"message":"no"}}'],
    })
    const failed = await post(rig.url, { session_id: 'failed', content: 'One' }, { key })
    expect(failed.status).toBe(502)
    expect(JSON.parse(await failed.text())).toMatchObject({ error: { type: 'upstream_error' } })
    reply = spoken
    await say('failed', 'Two')
    const { body } = await get('/api/sessions/failed/messages')
    expect(body.messages).toMatchObject([{}, { role: 'assistant', status: 'failed' }, {}, { status: 'completed' }])
    expect(newest?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
  })
})

test('item 37: a session of another client does not exist for this one', async () => {
  reply = (chat) => {
    if (chat.messages[0]?.role === 'system') return saying('Much.')
    return chat.messages.at(-1)?.role === 'tool' ? spoken() : calling([['b1', 'lab__big', '{"bytes":9000}']])
  }
  await say('hers', 'A secret of hers')
  reply = spoken
  const { body } = await get('/api/sessions/hers/messages')
  const [result] = Array.isArray(body.messages) ? body.messages.filter(({ role }) => role === 'tool') : []
  expect(result).toMatchObject({ content: 'Much.', summarised: true, has_full_result: true })
  const path = `/api/sessions/hers/messages/${result.id}/result`
  expect(await get(path)).toEqual({ status: 200, body: { message_id: result.id, result: 'x'.repeat(9_000) } })

  const notHis = { status: 404, body: { error: { code: 'session_not_found' } } }
  expect(await get('/api/sessions/hers/messages', keys.bob)).toMatchObject(notHis)
  expect(await get(path, keys.bob)).toMatchObject(notHis)
  expect(await remove('/api/sessions/hers/messages', keys.bob)).toMatchObject(notHis)
  expect(JSON.stringify((await get('/api/sessions', keys.bob)).body)).not.toContain('hers')
  await askChatServer(rig.url, { session_id: 'hers', content: 'What was it?', request_id: 'x' }, { key: keys.bob })
  expect(newest?.messages).toEqual([{ role: 'user', content: 'What was it?' }])
  // the other client cannot stop requests of the session either
  reply = () => stalling('Half')
  const asked = model.chats.length
  const running = post(rig.url, { session_id: 'hers', content: 'Go on' }, { key })
  await until(() => model.chats.length > asked, 20_000, 'it is asked')
  const stop = (as: string) => json(post(rig.url, { session_id: 'hers' }, { path: '/api/chat/abort', key: as }))
  expect((await stop(keys.bob)).body.aborted).toBe(false)
  expect((await stop(keys.ada)).body.aborted).toBe(true)
  await (await running).text()
})

describe('model_config', () => {
  test('chooses the model and its parameters, by both names of the member', async () => {
    await say('config', 'a', { ai_model_config: { model_name: 'lab/n', temperature: 0, max_tokens: 7 } })
    expect(newest).toMatchObject({ model: 'n', temperature: 0, max_tokens: 7 })
    await say('config', 'b', {
      ai_model_config: { model_name: 'lab/n', temperature: 0 },
      model_config: { model_name: 'm', max_completion_tokens: 5, api_base: 'http://x', extra_headers: { a: 'b' } },
    })
    expect(newest).toMatchObject({ model: 'm', max_completion_tokens: 5 })
    for (const field of ['temperature', 'max_tokens', 'api_base', 'extra_headers'])
      expect(newest).not.toHaveProperty(field)
  })

  test('is optional: without it, or with null, the first listed model answers', async () => {
    await say('default', 'a')
    expect(newest?.model).toBe('m')
    await say('default', 'b', {
      model_config: null,
      ai_model_config: { model_name: 'n', base_url: null, api_key: null },
    })
    expect(newest?.model).toBe('n')
  })

  test('can turn tools off', async () => {
    await say('tools', 'a')
    expect(newest?.tools?.length).toBeGreaterThan(5)
    await say('tools', 'b', { model_config: { use_tools: false } })
    expect(newest?.tools).toBeUndefined()
  })

  test('with the base_url of a configured upstream and no key asks that upstream, with its own key', async () => {
    await say('known', 'a', { model_config: { base_url: `${model.url}/`, model_name: 'n' } })
    expect(newest?.model).toBe('n')
    await say('known', 'b', { model_config: { base_url: model.url } })
    expect(newest?.model).toBe('m')
    expect(model.requests.at(-1)?.headers.get('authorization')).toBe('Bearer sessions-lab-key')
  })

  test('that names an unknown model is a 404', async () => {
    const asked = await post(
      rig.url,
      { session_id: 'none', content: 'a', model_config: { model_name: 'lab/none' } },
      { key },
    )
    expect(asked.status).toBe(404)
  })
})

describe('a model without support for tools', () => {
  test('is asked without tools', async () => {
    await using demo = startChatServer({})
    const events = await askChatServer(demo.url, { session_id: 's', content: 'Hello' })
    expect(textOf(events)).toEndWith('You said: Hello')
    expect(typesOf(events).slice(-3)).toEqual(['usage', 'complete', 'done'])
  })
})

describe('tools and servers', () => {
  test('are listed', async () => {
    const tools = (await get('/api/tools')).body.tools
    expect(tools).toContainEqual({
      name: 'lab__echo',
      server: 'lab',
      description: 'Says it back.',
      input_schema: expect.objectContaining({ type: 'object' }),
      supports_streaming: expect.any(Boolean),
    })
    expect(tools).toContainEqual(expect.objectContaining({ name: 'builtin__current_time', server: 'builtin' }))
    expect((await get('/api/servers')).body.servers).toEqual([
      { name: 'builtin', transport: 'builtin', status: 'connected', tools: 1 },
      { name: 'lab', transport: 'stdio', status: 'connected', tools: expect.any(Number) },
    ])
  })
})

describe('an invalid body is 400, and the message says why', () => {
  const cases: readonly (readonly [body: object | string, param: string | null, path?: string])[] = [
    ['{', null],
    ['[]', null],
    [{ content: 'a' }, 'session_id'],
    [{ session_id: '', content: 'a' }, 'session_id'],
    [{ session_id: 's'.repeat(201), content: 'a' }, 'session_id'],
    [{ session_id: 1, content: 'a' }, 'session_id'],
    [{ session_id: 's' }, 'content'],
    [{ session_id: 's', content: '' }, 'content'],
    [{ session_id: 's', content: ' ' }, 'content'],
    [{ session_id: 's', content: ['a'] }, 'content'],
    [{ session_id: 's', content: 'a', request_id: '' }, 'request_id'],
    [{ session_id: 's', content: 'a', model_config: 'm' }, 'model_config'],
    [{ session_id: 's', content: 'a', model_config: { temperature: 2.1 } }, 'model_config.temperature'],
    [{ session_id: 's', content: 'a', ai_model_config: { temperature: -1 } }, 'ai_model_config.temperature'],
    [{ session_id: 's', content: 'a', model_config: { max_tokens: 0 } }, 'model_config.max_tokens'],
    [{ session_id: 's', content: 'a', model_config: { max_tokens: 1.5 } }, 'model_config.max_tokens'],
    [{ session_id: 's', content: 'a', model_config: { model_name: 3 } }, 'model_config.model_name'],
    [{ session_id: 's', messages: [] }, 'messages', '/api/chat/stream/direct'],
    [{ session_id: 's', messages: [{ role: 'tool', content: 'a' }] }, 'messages[0].role', '/api/chat/stream/direct'],
    [{ session_id: 's', messages: [{ role: 'user' }] }, 'messages[0].content', '/api/chat/stream/direct'],
    [{ session_id: 's', content: 'a' }, 'messages', '/api/chat/stream/direct'],
    [{}, 'session_id', '/api/chat/abort'],
    ['', null, '/api/chat/abort'],
  ]
  for (const [body, param, path] of cases)
    test(`${path ?? '/api/chat/stream'} ${JSON.stringify(body).slice(0, 60)}`, async () => {
      const refused = await json(post(rig.url, body, { key, ...(path && { path }) }))
      expect(refused).toMatchObject({
        status: 400,
        body: { error: { type: 'invalid_request_error', param, message: expect.any(String) } },
      })
    })
})
