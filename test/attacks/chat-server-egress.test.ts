import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { createServer } from 'node:net'
import {
  type EmulatedChat,
  emulateOpenai,
  type OpenaiEmulator,
} from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { machine, machineWith } from '../../src/wire/machine.double.ts'
import { browserEvents, json, post, type Told, textOf, typesOf } from '../chaos/chat-server-client.ts'
import { calling, saying } from '../chaos/chat-server-model.ts'
import { type ChatServerRig, startChatServer } from '../chaos/chat-server-rig.ts'
import { key } from './rig.ts'

// reliability, section 4, items 1 to 9, over HTTP: which addresses a caller may make the chat server ask, and with which key.

const ours = 'sk-egress-ours-0123456789abcdef'
const callers = 'sk-egress-callers-0123456789abc'

/** A private server that no request may reach. It notices every connection. */
interface Sniffer {
  readonly port: number
  readonly connections: () => number
  close(): void
}

async function sniff(host: string): Promise<Sniffer> {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const address = server.address()
  const port = address && typeof address === 'object' ? address.port : 0
  return { port, connections: () => connections, close: () => void server.close() }
}

let sniffer: Sniffer
let configured: OpenaiEmulator
/** The server of the caller's own endpoint. */
let foreign: OpenaiEmulator
const plainly = (): Script => saying('Theirs.')
let reply: (chat: EmulatedChat) => Script = plainly
const resolved: string[] = []
/** The addresses that each name resolves to, one answer after the other. */
let answers: readonly (readonly string[])[] = []

beforeAll(async () => {
  sniffer = await sniff('::')
  configured = await emulateOpenai({ keys: [ours], reply: () => saying('Ours.') })
  foreign = await emulateOpenai({ reply: (chat) => reply(chat) })
})
afterEach(() => {
  reply = plainly
})
afterAll(async () => {
  sniffer.close()
  await Promise.all([configured.close(), foreign.close()])
})

function start(hosts?: string): ChatServerRig {
  resolved.length = 0
  return startChatServer(
    {
      API_MASTER_KEY: key,
      UPSTREAM_LAB_URL: configured.url,
      UPSTREAM_LAB_KEY: ours,
      UPSTREAM_LAB_MODELS: 'm',
      ...(hosts !== undefined && { MODEL_CONFIG_HOSTS: hosts }),
    },
    {
      surroundings: {
        runtime: machineWith({
          network: {
            ...machine.network,
            async lookUp(name) {
              resolved.push(name)
              return answers[Math.min(resolved.length, answers.length) - 1] ?? []
            },
          },
        }),
      },
    },
  )
}

const portOf = (url: string) => new URL(url).port
const asking = (rig: ChatServerRig, config: object, more: object = {}) =>
  post(rig.url, { session_id: 's', content: 'Go on', model_config: config, ...more }, { key })
const told = async (response: Promise<Response>): Promise<Told[]> => Array.fromAsync(browserEvents(await response))
const refusal = {
  status: 400,
  body: {
    error: {
      message: 'This base_url is not allowed. MODEL_CONFIG_HOSTS says which are.',
      type: 'invalid_request_error',
      param: 'model_config.base_url',
      code: 'base_url_not_allowed',
    },
  },
}

describe('items 1, 2 and 8: a forbidden address is always refused with the same text, and no packet is sent', () => {
  const hosts = [
    '127.0.0.1 127.1 0x7f.1 2130706433 017700000001 0 0.0.0.0 127.0.0.1. [::1] [::] [::ffff:127.0.0.1]',
    '[::ffff:7f00:1] [::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::] [fe80::1] [fc00::1] [fd00:ec2::254] 10.0.0.1',
    '172.16.0.1 192.168.0.1 100.64.0.1 169.254.169.254 192.0.0.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255',
    'localhost localhost. x.localhost metadata.google.internal １２７.0.0.1 127。0。0。1 %31%32%37.0.0.1',
  ].flatMap((line) => line.split(' '))
  const spellings = (port: number) => [
    ...hosts.flatMap((host) => [`https://${host}:${port}/v1`, `http://${host}:${port}/v1`]),
    ...['file:///etc/hostname', 'data:text/plain,a', 's3://bucket/key', 'blob:http://localhost/a', 'ftp://localhost/'],
    ...['ws://localhost/', 'unix:///run/a.sock', 'javascript:1', '//localhost/v1', 'localhost/v1', 'not a url', '/v1'],
    ...[`https://user@127.0.0.1:${port}/`, `https://8.8.8.8@127.0.0.1:${port}/`, `https://127.0.0.1:${port}#@8.8.8.8/`],
    ...[
      `https://127.0.0.1\t:${port}/`,
      `https://127.0.0.1:${port}/\r\nHost: x`,
      `https://127.0.0.1:${port}\\@8.8.8.8/`,
    ],
    ...[
      `https:/127.0.0.1:${port}/`,
      `https:127.0.0.1:${port}/`,
      ` https://127.0.0.1:${port}/`,
      'https://',
      'https://:1/',
    ],
  ]

  test('in any spelling, as a number or as a name that resolves to it', async () => {
    await using rig = start()
    answers = [['127.0.0.1']]
    const all = [...spellings(sniffer.port), `${rig.url}/v1`]
    expect(all.length).toBeGreaterThan(90)
    for (const base_url of all)
      expect({ base_url, ...(await json(asking(rig, { base_url, api_key: callers }))) }).toEqual({
        base_url,
        ...refusal,
      })
    expect(sniffer.connections()).toBe(0)
    expect(configured.chats.length).toBe(0)
    // the session has no trace of the request
    const messages = await json(fetch(`${rig.url}/api/sessions/s/messages`, { headers: { 'x-api-key': key } }))
    expect(messages.status).toBe(404)
  })

  test('if one of several addresses is private, or if there is none', async () => {
    await using rig = start()
    for (const all of [['93.184.215.14', '127.0.0.1'], ['::1', '93.184.215.14'], []]) {
      answers = [all]
      const base_url = `https://mixed.example:${sniffer.port}/v1`
      expect(await json(asking(rig, { base_url, api_key: callers }))).toEqual(refusal)
    }
    expect(sniffer.connections()).toBe(0)
  })

  test('always, if the operator has turned own endpoints off; and for every host outside a list of allowed hosts', async () => {
    answers = [['93.184.215.14']]
    for (const hosts of ['none', 'api.example.org']) {
      await using rig = start(hosts)
      const base_url = 'https://elsewhere.example/v1'
      expect(await json(asking(rig, { base_url, api_key: callers }))).toEqual(refusal)
      expect(resolved).toEqual([])
    }
  })
})

describe('item 3: a name that changes its address', () => {
  test('is asked only at the address that was checked', async () => {
    await using rig = start(`rebinding.example:${portOf(foreign.url)}`)
    // another number of loopback would reach the private server
    answers = [['127.0.0.1'], ['127.0.0.2'], ['127.0.0.2'], ['127.0.0.2']]
    reply = (chat) =>
      chat.messages.at(-1)?.role === 'tool' ? plainly() : calling([['t1', 'builtin__current_time', '{}']])
    const asked = foreign.chats.length
    const events = await told(
      asking(rig, { base_url: `http://rebinding.example:${portOf(foreign.url)}/v1`, api_key: callers }),
    )
    expect(textOf(events)).toBe('Theirs.')
    expect(typesOf(events)).toContain('tool_result')
    expect(foreign.chats.length - asked).toBe(2)
    expect(resolved).toEqual(['rebinding.example'])
    expect(foreign.requests.at(-1)?.headers.get('host')).toBe(`rebinding.example:${portOf(foreign.url)}`)
  })
})

const own = () => ({ base_url: foreign.url, api_key: callers })
/** The operator has allowed the foreign server, so that only the tested guard is active. */
const startOpen = () => start(new URL(foreign.url).host)

describe('item 4: a redirect of an allowed host', () => {
  for (const status of [301, 302, 303, 307, 308])
    test(`${status} is not followed`, async () => {
      await using rig = startOpen()
      const location = `http://127.0.0.1:${sniffer.port}/latest/meta-data`
      reply = () => ({ status, headers: { location, 'content-type': 'text/plain' }, body: ['moved'] })
      expect(await json(asking(rig, own()))).toMatchObject({
        status: 502,
        body: { error: { code: 'endpoint_failed' } },
      })
      expect(sniffer.connections()).toBe(0)
    })
})

describe('item 5: a key of the gateway', () => {
  const heard = () => JSON.stringify(foreign.requests.map(({ headers, path, body }) => [[...headers], path, body]))

  test('is not sent if a caller names an address without a key', async () => {
    await using rig = startOpen()
    const before = foreign.requests.length
    const none = { status: 400, body: { error: { code: 'api_key_required', param: 'model_config.api_key' } } }
    for (const api_key of [undefined, null, ''])
      expect(await json(asking(rig, { base_url: foreign.url, api_key }))).toMatchObject(none)
    // these addresses only look like a configured upstream
    for (const base_url of [`${configured.url}/x`, `${configured.url}?a=b`, configured.url.replace('/v1', '/V1')])
      expect(await json(asking(rig, { base_url }))).toMatchObject(none)
    expect(foreign.requests.length).toBe(before)
  })

  test('is not sent together with the caller’s own key', async () => {
    await using rig = startOpen()
    const headers = { cookie: 'session=cookie-of-a-client', 'openai-organization': 'org-of-a-client', 'x-api-key': key }
    const response = fetch(`${rig.url}/api/chat/stream`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ session_id: 's', content: 'Go on', model_config: own() }),
    })
    expect(textOf(await told(response))).toBe('Theirs.')
    const last = foreign.requests.at(-1)
    expect(last?.headers.get('authorization')).toBe(`Bearer ${callers}`)
    for (const secret of [ours, key, 'cookie-of-a-client', 'org-of-a-client']) expect(heard()).not.toContain(secret)
    expect([...(last?.headers.keys() ?? [])].sort()).toEqual(
      'accept accept-encoding authorization connection content-length content-type host user-agent x-tributary-hops'.split(
        ' ',
      ),
    )
  })

  const names = 'api_base base_url api_key extra_headers extra_body organization proxy proxies tls unix default_headers'
  const elsewhere = () => Object.fromEntries(names.split(' ').map((name) => [name, foreign.url]))

  test('is sent only to its upstream, wherever a request has another address', async () => {
    await using rig = startOpen()
    const before = foreign.requests.length
    const { base_url: _, api_key: __, ...others } = elsewhere()
    const query = `?${new URLSearchParams(elsewhere())}`
    for (const ask of [
      () => asking(rig, {}, elsewhere()),
      () => asking(rig, others),
      () => asking(rig, { extra_body: { model_config: elsewhere() }, openai: elsewhere() }),
      () => post(rig.url, { session_id: 's', content: 'Go on' }, { key, query }),
      () =>
        post(
          rig.url,
          { session_id: 's', messages: [{ role: 'user', content: 'a', ...elsewhere() }] },
          { key, path: '/api/chat/stream/direct' },
        ),
      () =>
        fetch(`${rig.url}/api/chat/stream`, {
          method: 'POST',
          headers: {
            'x-api-key': key,
            'x-base-url': foreign.url,
            'api-base': foreign.url,
            'openai-base-url': foreign.url,
          },
          body: JSON.stringify({ session_id: 's', content: 'Go on' }),
        }),
    ])
      expect(textOf(await told(ask()))).toBe('Ours.')
    expect(foreign.requests.length).toBe(before)
  })

  test('is used if the address is a full URL of a request, and so is the caller’s own key', async () => {
    await using rig = startOpen()
    const theirs = { base_url: `${foreign.url}//chat/completions/`, api_key: callers }
    expect(textOf(await told(asking(rig, theirs)))).toBe('Theirs.')
    expect(foreign.requests.at(-1)?.path).toBe('/v1/chat/completions')
    const copied = { base_url: `${configured.url}/chat/completions`, model_name: 'm' }
    expect(textOf(await told(asking(rig, copied)))).toBe('Ours.')
  })

  test('is used at the address of a configured upstream, and the caller’s own key only if that address is allowed', async () => {
    await using rig = startOpen()
    expect(textOf(await told(asking(rig, { base_url: configured.url, model_name: 'm' })))).toBe('Ours.')
    expect(configured.requests.at(-1)?.headers.get('authorization')).toBe(`Bearer ${ours}`)
    const before = configured.requests.length
    expect(await json(asking(rig, { base_url: configured.url, api_key: callers }))).toEqual(refusal)
    expect(configured.requests.length).toBe(before)
  })
})

describe('item 8: the answer of a foreign server', () => {
  const secret = 'a-page-that-is-not-for-you'
  const say =
    (status: number, body: string, type = 'application/json') =>
    (): Script => ({
      status,
      headers: { 'content-type': type },
      body: [body],
    })
  const failures: Readonly<Record<string, () => Script>> = {
    'a page': say(200, `<html>${secret}</html>`, 'text/html'),
    'another JSON': say(200, `{"internal":"${secret}"}`),
    'a text': say(200, secret, 'text/plain'),
    'a 400 with words': say(400, `{"error":{"message":"${secret}"}}`),
    'a 404': say(404, `{"error":{"message":"${secret}","code":"${secret}"}}`),
    'a 500': say(500, secret, 'text/plain'),
    'a 503': say(503, secret, 'text/plain'),
    'no answer': () => ({ framing: 'raw', ending: 'fin' }),
    'no HTTP': () => ({ framing: 'raw', body: [`SSH-2.0-${secret}\r\n`], ending: 'fin' }),
  }
  const failed = {
    status: 502,
    body: {
      error: {
        message: expect.stringContaining('sent no valid answer'),
        type: 'upstream_error',
        param: null,
        code: 'endpoint_failed',
      },
    },
  }

  for (const [name, script] of Object.entries(failures))
    test(`is always the same failure, without its text: ${name}`, async () => {
      await using rig = startOpen()
      reply = script
      const answered = await json(asking(rig, own()))
      expect(answered).toEqual(failed)
      expect(JSON.stringify([answered, rig.lines])).not.toContain(secret)
    })

  test('is the same as that of a missing server', async () => {
    await using rig = start('127.0.0.1:9')
    expect(await json(asking(rig, { base_url: 'http://127.0.0.1:9/v1', api_key: callers }))).toEqual(failed)
  })

  for (const status of [401, 403])
    test(`${status} is passed on, because the key is the caller’s own`, async () => {
      await using rig = startOpen()
      reply = say(status, `{"error":{"message":"Incorrect API key provided: ${callers}"}}`)
      const answered = await json(asking(rig, own()))
      expect(answered).toMatchObject({
        status,
        body: { error: { code: 'invalid_api_key', param: 'model_config.api_key' } },
      })
      expect(JSON.stringify([answered, rig.lines])).not.toContain(callers)
    })

  test('429 is passed on, with the time to wait', async () => {
    await using rig = startOpen()
    reply = () => ({ status: 429, headers: { 'retry-after': '7', 'content-type': 'text/plain' }, body: [secret] })
    const response = await asking(rig, own())
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7'])
    expect(await response.text()).not.toContain(secret)
  })
})

test('item 35: a caller’s key appears in no log line, message or answer', async () => {
  await using rig = startOpen()
  reply = () => ({ body: saying('Said.').body ?? [], ending: 'rst' })
  await (await asking(rig, own())).text()
  reply = plainly
  await (await asking(rig, own())).text()
  await (await asking(rig, { ...own(), api_key: `${callers}\n` })).text()
  const kept = await (await fetch(`${rig.url}/api/sessions/s/messages`, { headers: { 'x-api-key': key } })).text()
  expect(kept).toContain('Theirs.')
  expect(JSON.stringify([rig.lines, kept])).not.toContain(callers)
  expect(rig.lines.some((line) => line.includes('"upstream":"model_config"'))).toBe(true)
})

test('a key that cannot stand in a header is refused, and not shown', async () => {
  await using rig = startOpen()
  for (const api_key of ['a b', 'a\r\nx: y', 'ключ', 'k'.repeat(513)]) {
    const answered = await json(asking(rig, { base_url: foreign.url, api_key }))
    expect(answered).toMatchObject({
      status: 400,
      body: { error: { param: 'model_config.api_key', code: 'invalid_value' } },
    })
    expect(JSON.stringify(answered)).not.toContain(api_key)
  }
})

test('a caller’s key is not redacted in the texts of other callers', async () => {
  await using rig = startOpen()
  await (await asking(rig, { ...own(), api_key: 'Europe/Berlin' })).text()
  reply = (chat) =>
    chat.messages.at(-1)?.role === 'tool' ? plainly() : calling([['t1', 'builtin__current_time', '{"timezone":1}']])
  const results = (await told(asking(rig, own()))).filter(({ type }) => type === 'tool_result')
  expect(results[0]?.data?.result).toContain('Europe/Berlin')
})
