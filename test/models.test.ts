/** `GET /v1/models`, and the choice of a model for a request without one, with the whole program over real sockets. */
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { z } from 'zod'
import { readConfig } from '../src/config/config.ts'
import { emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import { emulateHttp } from '../src/wire/emulator/http.ts'
import type { Script } from '../src/wire/emulator/script.ts'
import { startGateway } from './chaos/gateway.ts'

setDefaultTimeout(30_000)

const open: { close(): Promise<unknown> }[] = []
afterAll(() => Promise.all(open.map((one) => one.close())))

function closeLater<One extends { close(): Promise<unknown> }>(one: One): One {
  open.push(one)
  return one
}

const json = { 'content-type': 'application/json' }
const listOf = (...data: unknown[]): Script => ({ headers: json, body: [JSON.stringify({ data })] })

async function gatewayBefore(listing: Script, variables: Readonly<Record<string, string>> = {}) {
  const emulator = closeLater(await emulateOpenai({ listing }))
  return { emulator, gateway: closeLater(startGateway({ UPSTREAM_LAB_URL: emulator.url, ...variables })) }
}

const List = z.object({ data: z.array(z.object({ id: z.string(), type: z.string().optional() })) })

async function listed(url: string) {
  const response = await fetch(`${url}/v1/models`)
  const { data } = List.parse(await response.json())
  return { models: data, missing: response.headers.get('x-tributary-upstreams-missing') }
}

/** Returns the model that the chat server asks. */
async function answering(url: string, config: object = {}) {
  const response = await fetch(`${url}/api/chat/stream`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ session_id: crypto.randomUUID(), content: 'Hello', model_config: config }),
  })
  return /"model":"([^"]+)"/.exec(await response.text())?.[1]
}

test('a model that cannot chat is marked by its type or by its name, and is never chosen by default', async () => {
  const listing = listOf(
    { id: 'text-embedding-3-small' },
    { id: 'whisper-1' },
    { id: 'odd', architecture: { output_modalities: ['image'] } },
    { id: 'no-tools', supported_parameters: ['seed'] },
    { id: 'gpt-test' },
  )
  const { gateway } = await gatewayBefore(listing)
  expect((await listed(gateway.url)).models.map(({ id, type }) => [id, type])).toEqual([
    ['lab/text-embedding-3-small', 'embedding'],
    ['lab/whisper-1', 'audio'],
    ['lab/odd', 'image'],
    ['lab/no-tools', 'model'],
    ['lab/gpt-test', 'model'],
  ])
  expect(await answering(gateway.url)).toBe('lab/gpt-test')
})

test('CHAT_MODEL answers a request without a model, and a named model answers its own requests', async () => {
  const { gateway } = await gatewayBefore(listOf({ id: 'gpt-test' }, { id: 'vendor/gpt-slash' }), {
    CHAT_MODEL: 'lab/vendor/gpt-slash',
  })
  expect(await answering(gateway.url)).toBe('lab/vendor/gpt-slash')
  expect(await answering(gateway.url, { model_name: 'lab/gpt-test' })).toBe('lab/gpt-test')
})

test('a model without tools is chosen if there is no other, but never a model that cannot chat', async () => {
  const plain = await gatewayBefore(listOf({ id: 'whisper-1' }, { id: 'gpt-test', supported_parameters: [] }))
  expect(await answering(plain.gateway.url)).toBe('lab/gpt-test')
  expect(await answering(plain.gateway.url, { model_name: 'gpt-test' })).toBe('gpt-test')
  // a model without tools is not offered any
  expect(plain.emulator.chats.map((chat) => 'tools' in chat)).toEqual([false, false])
  const silent = await gatewayBefore(listOf({ id: 'whisper-1' }))
  const response = await fetch(`${silent.gateway.url}/api/chat/stream`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ session_id: 's', content: 'Hello' }),
  })
  expect(response.status).toBe(404)
  expect(await response.text()).toContain('No model that is listed here can chat.')
})

test('a model that refuses tools, as with Ollama, is asked again without them', async () => {
  const error = { message: 'registry.example/library/m:4b does not support tools', type: 'api_error', param: null }
  const refusal: Script = { status: 400, headers: json, body: [JSON.stringify({ error })] }
  const emulator = closeLater(await emulateOpenai({ reply: (chat) => ('tools' in chat ? refusal : undefined) }))
  const gateway = closeLater(startGateway({ UPSTREAM_LAB_URL: emulator.url }))
  expect(await answering(gateway.url)).toBe('lab/gpt-test')
  expect(emulator.chats.map((chat) => 'tools' in chat)).toEqual([true, false])
})

test('an upstream that is down is named in a header', async () => {
  const gone = await emulateHttp(() => undefined)
  await gone.close()
  const up = closeLater(await emulateOpenai({ models: ['gpt-up'] }))
  const gateway = closeLater(startGateway({ UPSTREAM_UP_URL: up.url, UPSTREAM_DOWN_URL: `${gone.origin}/v1` }))
  const { models, missing } = await listed(gateway.url)
  expect(models.map(({ id }) => id)).toEqual(['up/gpt-up'])
  expect(missing).toBe('down')
  const { headers } = await fetch(`${gateway.url}/v1/models`, { headers: { origin: gateway.url } })
  expect(headers.get('x-tributary-upstreams-missing')).toBe('down')
})

test('an impossible CHAT_MODEL is a problem of the configuration', () => {
  const problems = (model: string) => {
    const config = readConfig(
      { UPSTREAM_LAB_URL: 'http://127.0.0.1:1/v1', UPSTREAM_LAB_MODELS: 'a', CHAT_MODEL: model },
      false,
    )
    return 'problems' in config ? config.problems.map(({ variable, problem }) => `${variable} ${problem}`) : []
  }
  expect(problems('lab/a')).toEqual([])
  expect(problems('a')).toEqual([])
  expect(problems('lab/b')).toEqual([
    expect.stringMatching(/^CHAT_MODEL names a model that no configured upstream has/),
  ])
  expect(problems('openai/gpt-5')).toHaveLength(1)
  expect(problems('a b')).toHaveLength(1)
  expect(problems('lab/')).toHaveLength(1)
})

test('a CHAT_MODEL whose name suggests that it cannot chat is a warning, but the name of its upstream does not count', () => {
  const doubts = (model: string, name = 'LAB') => {
    const config = readConfig({ [`UPSTREAM_${name}_URL`]: 'http://127.0.0.1:1/v1', CHAT_MODEL: model }, false)
    return 'problems' in config ? config.problems : config.warnings
  }
  expect(doubts('lab/whisper-1')).toEqual([
    expect.stringContaining('CHAT_MODEL names a model that seems to be for audio'),
  ])
  expect(doubts('lab/openai/o3-pro')).toHaveLength(1)
  expect(doubts('live/gpt-4', 'LIVE')).toEqual([])
})
