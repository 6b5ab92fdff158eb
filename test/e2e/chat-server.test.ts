import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type EmulatedChat,
  emulateOpenai,
  type OpenaiEmulator,
} from '../../src/providers/openai-compatible/emulator/index.ts'
import {
  askChatServer,
  browserEvents,
  json,
  messageOf,
  parsedEvents,
  post,
  textOf,
  typesOf,
} from '../chaos/chat-server-client.ts'
import { calling, saying, stalling } from '../chaos/chat-server-model.ts'
import { mcpServers, stdio } from '../chaos/chat-server-rig.ts'
import { until, within } from '../waiting.ts'
import { build, emptyFolder, type Running, start, type Variables } from './program.ts'

// The chat server of the executable, with an MCP server as a child process.

beforeAll(build, 120_000)

const key = 'sk-chat-server-0123456789abcdef'

let model: OpenaiEmulator
let gateway: Running
const behaviour = (chat: EmulatedChat) => {
  const last = String(chat.messages.at(-1)?.content)
  if (last === 'hang') return calling([['h1', 'lab__hang', '{}']])
  if (last === 'stall') return stalling('Half')
  if (last === 'look')
    return calling(
      [
        ['e1', 'lab__echo', '{"text":"hi"}'],
        ['s1', 'lab__stream', '{}'],
      ],
      'Let me look.',
    )
  return saying('All', ' done.')
}
const variables = (): Variables => {
  const servers = mcpServers({ lab: stdio('stdio') })
  return {
    API_MASTER_KEY: key,
    UPSTREAM_LAB_URL: model.url,
    UPSTREAM_LAB_MODELS: 'm',
    MCP_SERVERS: servers.MCP_SERVERS ?? '',
  }
}
beforeAll(async () => {
  model = await emulateOpenai({ reply: behaviour })
  gateway = await start(variables())
}, 120_000)
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await model.close()
})

const get = (path: string) => json(fetch(`${gateway.url}${path}`, { headers: { 'x-api-key': key } }))

test('tools run, and a web page and a strict parser can read every event', async () => {
  const events = await askChatServer(gateway.url, { session_id: 'page', content: 'look' }, { key })
  expect(textOf(events)).toBe('Let me look.\n\nAll done.')
  expect(typesOf(events).filter((type) => type === 'tool_call' || type === 'tool_result')).toHaveLength(4)
  expect(messageOf(events)).toMatchObject({ status: 'completed', content: 'Let me look.\n\nAll done.' })
  const asked = await post(gateway.url, { session_id: 'parser', content: 'look' }, { key })
  expect(asked.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  expect(typesOf(parsedEvents(await asked.text())).slice(-3)).toEqual(['usage', 'complete', 'done'])
})

test('models, tools and sessions are listed, and a session is read and deleted', async () => {
  expect(JSON.stringify((await get('/api/tools')).body)).toContain('lab__echo')
  expect((await get('/api/servers')).body.servers).toMatchObject([
    { name: 'builtin' },
    { name: 'lab', status: 'connected' },
  ])
  expect(JSON.stringify((await get('/api/sessions')).body)).toContain('"page"')
  expect((await get('/api/sessions/page/messages')).body.messages).toHaveLength(5)
  const forgotten = { method: 'DELETE', headers: { 'x-api-key': key } }
  expect((await fetch(`${gateway.url}/api/sessions/page/messages`, forgotten)).status).toBe(200)
  expect((await get('/api/sessions/page/messages')).status).toBe(404)
})

for (const phase of ['stall', 'hang'])
  test(`an abort ends a request that hangs: ${phase}`, async () => {
    const asked = model.chats.length
    const reading = post(gateway.url, { session_id: phase, content: phase }, { key }).then(async (response) =>
      typesOf(await Array.fromAsync(browserEvents(response))),
    )
    await until(() => model.chats.length > asked, 20_000, 'the model is asked')
    const stop = () => json(post(gateway.url, { session_id: phase }, { path: '/api/chat/abort', key }))
    expect((await stop()).body.aborted).toBe(true)
    expect((await within(reading, 20_000, 'the end')).slice(-2)).toEqual(['cancelled', 'done'])
    expect((await stop()).body.aborted).toBe(false)
    expect(typesOf(await askChatServer(gateway.url, { session_id: phase, content: 'again' }, { key })).at(-2)).toBe(
      'complete',
    )
  })

test('a request without a key is refused', async () => {
  for (const path of ['/api/chat/stream', '/api/chat/stream/direct', '/api/chat/abort'])
    expect((await post(gateway.url, { session_id: 's', content: 'a' }, { path })).status).toBe(401)
})

test('item 9: with a proxy, which would choose the address itself, a caller’s own endpoint is refused', async () => {
  await using proxied = await start({ ...variables(), HTTP_PROXY: 'http://127.0.0.1:9', NO_PROXY: '127.0.0.1' })
  const config = { base_url: 'https://8.8.8.8/v1', api_key: 'sk-of-a-caller' }
  const refused = await json(post(proxied.url, { session_id: 's', content: 'a', model_config: config }, { key }))
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 'base_url_not_allowed' } } })
})

/** Lists the running children of a process. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .map(Number)
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1])
  } catch {
    return undefined
  }
}

describe('no process of a tool is left behind', () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const)
    test(`after ${signal}, while a tool runs`, async () => {
      await using own = await start({ ...variables(), SHUTDOWN_GRACE: '1' })
      const asked = model.chats.length
      const reading = post(own.url, { session_id: 's', content: 'hang' }, { key })
        .then((response) => response.text())
        .catch(() => '')
      await until(() => model.chats.length > asked && childrenOf(own.pid).length > 0, 10_000, 'the tool runs')
      const children = childrenOf(own.pid)
      const code = await own.stop(signal)
      if (signal === 'SIGTERM') {
        expect(code).toBe(0)
        expect(typesOf(parsedEvents(await reading)).slice(-2)).toEqual(['error', 'done'])
      }
      await until(() => !children.some((pid) => existsSync(`/proc/${pid}`)), 20_000, 'the end of the children')
    })
})

test('sessions survive a restart if the state is in a file', async () => {
  await using folder = await emptyFolder()
  const kept = { ...variables(), STATE_URL: `sqlite:${join(folder.path, 'state.db')}` }
  const first = await start(kept)
  await askChatServer(first.url, { session_id: 'kept', content: 'look' }, { key })
  await first.stop('SIGTERM')
  await using second = await start(kept)
  const { body } = await json(fetch(`${second.url}/api/sessions/kept/messages`, { headers: { 'x-api-key': key } }))
  expect(body.messages).toHaveLength(5)
  await first[Symbol.asyncDispose]()
})

test('after kill -9 while a tool runs, a session in a file goes on at once', async () => {
  await using folder = await emptyFolder()
  const kept = { ...variables(), STATE_URL: `sqlite:${join(folder.path, 'state.db')}` }
  const first = await start(kept)
  const seen: string[] = []
  const reading = (async () => {
    const response = await post(first.url, { session_id: 'killed', content: 'hang' }, { key })
    for await (const { type } of browserEvents(response)) seen.push(type)
  })().catch(() => undefined)
  await until(() => seen.includes('tool_stream_chunk'), 10_000, 'the tool runs')
  const messages = async (url: string) => {
    const { body } = await json(fetch(`${url}/api/sessions/killed/messages`, { headers: { 'x-api-key': key } }))
    return body.messages
  }
  await first.stop('SIGKILL')
  await reading
  expect(seen).toEqual(['tool_call', 'tool_stream_chunk'])
  await using second = await start(kept)
  expect(
    typesOf(await askChatServer(second.url, { session_id: 'killed', content: 'Go on' }, { key })).slice(-2),
  ).toEqual(['complete', 'done'])
  expect(await messages(second.url)).toMatchObject([
    { role: 'user', content: 'hang' },
    { role: 'assistant', tool_calls: [{ id: 'h1' }] },
    { role: 'tool', tool_call_id: 'h1', status: 'cancelled' },
    { role: 'assistant', status: 'failed' },
    { role: 'user', content: 'Go on' },
    { role: 'assistant', status: 'completed', content: 'All done.' },
  ])
  await first[Symbol.asyncDispose]()
})
