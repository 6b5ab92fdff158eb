import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connectClient, key, type McpRig, startMcpRig } from './gateway.ts'

// The messages of `/mcp` as they are sent. MCP 2026-07-28 and 2025-11-25, basic and transports

let rig: McpRig
beforeAll(async () => {
  rig = await startMcpRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

type Headers = Readonly<Record<string, string>>

const accepted = { accept: 'application/json, text/event-stream' }

function post(body: unknown, headers: Headers = {}): Promise<Response> {
  return fetch(rig.url, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}
const modern = (method: string, params: object = {}, more: object = meta) => ({
  jsonrpc: '2.0',
  id: 'a',
  method,
  params: { ...params, _meta: more },
})
const inHeaders = (method: string, more: Headers = {}) => ({
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': method,
  ...more,
})
const legacy = (method: string, params?: object) => ({ jsonrpc: '2.0', id: 7, method, ...(params && { params }) })

describe('a modern client', () => {
  test('discovers the gateway', async () => {
    const response = await post(modern('server/discover'), inHeaders('server/discover'))
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({
      jsonrpc: '2.0',
      id: 'a',
      result: {
        resultType: 'complete',
        supportedVersions: ['2026-07-28', '2025-11-25', '2025-06-18'],
        capabilities: { tools: {} },
        instructions: expect.any(String),
        ttlMs: 3_600_000,
        cacheScope: 'public',
        _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'tributary', version: expect.any(String) } },
      },
    })
  })

  test('may keep the list of tools for a while, for itself', async () => {
    const response = await post(modern('tools/list'), inHeaders('tools/list'))
    expect(await response.json()).toMatchObject({ result: { ttlMs: 60_000, cacheScope: 'private' } })
  })

  const echo = { name: 'old__echo', arguments: { text: 'a' } }
  const faults: readonly (readonly [what: string, body: object, headers: Headers, status: number, code: number])[] = [
    ['without headers', modern('tools/list'), {}, 400, -32_020],
    [
      'with another revision in the header',
      modern('tools/list'),
      { ...inHeaders('tools/list'), 'mcp-protocol-version': '2025-11-25' },
      400,
      -32_020,
    ],
    ['without its method in a header', modern('tools/list'), { 'mcp-protocol-version': '2026-07-28' }, 400, -32_020],
    ['with another method in the header', modern('tools/list'), inHeaders('tools/call'), 400, -32_020],
    ['without the tool’s name in a header', modern('tools/call', echo), inHeaders('tools/call'), 400, -32_020],
    [
      'with another name in the header',
      modern('tools/call', echo),
      inHeaders('tools/call', { 'mcp-name': 'old__fails' }),
      400,
      -32_020,
    ],
    [
      'without its capabilities',
      modern('tools/list', {}, { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }),
      inHeaders('tools/list'),
      400,
      -32_602,
    ],
    ['without its revision', modern('tools/list', {}, {}), inHeaders('tools/list'), 400, -32_602],
    [
      'of an unknown revision',
      modern('tools/list', {}, { ...meta, 'io.modelcontextprotocol/protocolVersion': '2099-01-01' }),
      { 'mcp-protocol-version': '2099-01-01' },
      400,
      -32_022,
    ],
    ['for an unknown method', modern('resources/list'), inHeaders('resources/list'), 404, -32_601],
    ['for a method of older revisions', modern('initialize'), inHeaders('initialize'), 404, -32_601],
    [
      'for an unknown tool',
      modern('tools/call', { name: 'none' }),
      inHeaders('tools/call', { 'mcp-name': 'none' }),
      200,
      -32_602,
    ],
    [
      'with a list of arguments',
      modern('tools/call', { name: 'old__echo', arguments: [] }),
      inHeaders('tools/call', { 'mcp-name': 'old__echo' }),
      200,
      -32_602,
    ],
    ['for a second page', modern('tools/list', { cursor: 'x' }), inHeaders('tools/list'), 200, -32_602],
  ]
  for (const [what, body, headers, status, code] of faults)
    test(`is told what is wrong with a request ${what}`, async () => {
      const response = await post(body, { ...accepted, ...headers })
      expect([response.status, await response.json()]).toEqual([
        status,
        { jsonrpc: '2.0', id: 'a', error: expect.objectContaining({ code, message: expect.any(String) }) },
      ])
    })

  test('learns the revisions that are served', async () => {
    const body = modern('tools/list', {}, { ...meta, 'io.modelcontextprotocol/protocolVersion': '2099-01-01' })
    const response = await post(body, { 'mcp-protocol-version': '2099-01-01' })
    expect(await response.json()).toMatchObject({
      error: { data: { supported: ['2026-07-28', '2025-11-25', '2025-06-18'], requested: '2099-01-01' } },
    })
  })

  test('may encode a name in the header', async () => {
    const name = `=?base64?${Buffer.from('old__echo').toString('base64')}?=`
    const response = await post(modern('tools/call', echo), inHeaders('tools/call', { 'mcp-name': name }))
    expect(await response.json()).toMatchObject({
      result: { resultType: 'complete', content: [{ text: 'you said a' }] },
    })
  })
})

describe('an older client', () => {
  for (const [asked, answered] of [
    ['2025-11-25', '2025-11-25'],
    ['2025-06-18', '2025-06-18'],
    ['2024-11-05', '2025-11-25'],
    ['2026-07-28', '2025-11-25'],
  ] as const)
    test(`that asks for ${asked} gets ${answered}, and no session`, async () => {
      const params = { protocolVersion: asked, capabilities: {}, clientInfo: { name: 'old', version: '1' } }
      const response = await post(legacy('initialize', params), accepted)
      expect(response.headers.get('mcp-session-id')).toBeNull()
      expect(await response.json()).toMatchObject({
        id: 7,
        result: { protocolVersion: answered, capabilities: { tools: {} }, serverInfo: { name: 'tributary' } },
      })
    })

  test('gets results without what only newer revisions know', async () => {
    const list = await post(legacy('tools/list'), { 'mcp-protocol-version': '2025-06-18' })
    expect(await list.json()).toEqual({ jsonrpc: '2.0', id: 7, result: { tools: expect.any(Array) } })
    const ping = await post(legacy('ping'))
    expect(await ping.json()).toEqual({ jsonrpc: '2.0', id: 7, result: {} })
  })

  const faults: readonly (readonly [what: string, body: unknown, headers: Headers, status: number, error: object])[] = [
    ['an unknown method', legacy('resources/list'), {}, 200, { id: 7, error: { code: -32_601 } }],
    ['a method of newer revisions', legacy('server/discover'), {}, 200, { id: 7, error: { code: -32_601 } }],
    [
      'an unknown revision',
      legacy('tools/list'),
      { 'mcp-protocol-version': '1999-01-01' },
      400,
      { id: 7, error: { code: -32_022 } },
    ],
    ['a batch', [legacy('tools/list')], {}, 400, { error: { code: -32_600 } }],
    ['no JSON', '{', {}, 400, { error: { code: -32_700 } }],
    ['no object', '"hello"', {}, 400, { error: { code: -32_600 } }],
    ['no version of JSON-RPC', { id: 1, method: 'ping' }, {}, 400, { error: { code: -32_600 } }],
    ['no method', { jsonrpc: '2.0', id: 1 }, {}, 400, { error: { code: -32_600 } }],
    ['null as its id', { jsonrpc: '2.0', id: null, method: 'ping' }, {}, 400, { error: { code: -32_600 } }],
    [
      'a list of parameters',
      { jsonrpc: '2.0', id: 1, method: 'ping', params: [] },
      {},
      400,
      { id: 1, error: { code: -32_600 } },
    ],
  ]
  for (const [what, body, headers, status, error] of faults)
    test(`is told what is wrong with ${what}`, async () => {
      const response = await post(body, headers)
      expect([response.status, await response.json()]).toMatchObject([status, error])
    })
})

describe('a notification or an answer of a client', () => {
  for (const body of [
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } },
    { jsonrpc: '2.0', id: 1, result: {} },
  ])
    test(`is accepted and has no answer: ${JSON.stringify(body)}`, async () => {
      const response = await post(body, accepted)
      expect([response.status, await response.text()]).toEqual([202, ''])
    })
})

test('there are no sessions: GET and DELETE are refused', async () => {
  for (const method of ['GET', 'DELETE']) {
    const response = await fetch(rig.url, { method, headers: { authorization: `Bearer ${key}`, ...accepted } })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
  }
})

test('a key of the gateway is needed, and its absence is told in the protocol’s form', async () => {
  for (const [authorization, status] of [
    ['', 401],
    ['Bearer wrong', 403],
  ] as const) {
    const response = await post(legacy('tools/list'), { authorization })
    expect([response.status, await response.json()]).toEqual([
      status,
      { jsonrpc: '2.0', error: { code: -32_600, message: expect.any(String) } },
    ])
  }
})

test('without a key, a page of another site is refused', async () => {
  await using open = await startMcpRig({ API_MASTER_KEY: '' })
  const response = await fetch(open.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: 'https://evil.example' },
    body: JSON.stringify(legacy('tools/list')),
  })
  expect(response.status).toBe(403)
})

test('a call is answered with JSON, if the client takes nothing else', async () => {
  const call = legacy('tools/call', { name: 'old__echo', arguments: { text: 'a' } })
  const whole = await post(call)
  expect(whole.headers.get('content-type')).toBe('application/json')
  expect(await whole.json()).toEqual({
    jsonrpc: '2.0',
    id: 7,
    result: { content: [{ type: 'text', text: 'you said a' }], isError: false },
  })
  const streamed = await post(call, accepted)
  expect(streamed.headers.get('content-type')).toStartWith('text/event-stream')
  expect(streamed.headers.get('x-accel-buffering')).toBe('no')
  expect(await streamed.text()).toBe(
    'data: {"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"you said a"}],"isError":false}}\n\n',
  )
})

test('twenty calls at once get their own answers', async () => {
  await using client = await connectClient(rig.url, '2026-07-28')
  const texts = Array.from({ length: 20 }, (_, at) => `text ${at}`)
  const results = await Promise.all(
    texts.map((text, at) => client.callTool({ name: `${at % 2 ? 'old' : 'new'}__echo`, arguments: { text } })),
  )
  expect(results.map(({ content }) => content)).toEqual(
    texts.map((text) => [{ type: 'text', text: `you said ${text}` }]),
  )
})

test('a call that came through too many gateways is refused', async () => {
  const response = await post(legacy('tools/call', { name: 'old__echo' }), { 'x-tributary-hops': '4' })
  expect([response.status, await response.json()]).toMatchObject([400, { error: { code: -32_600 } }])
})
