import { describe, expect, test } from 'bun:test'
import { Secret } from '../../src/chat/secret.ts'
import type { ToolServerConfig } from '../../src/tools/server-config.ts'
import { emulateHttp } from '../../src/wire/emulator/http.ts'
import { newCancel } from '../../src/wire/machine.double.ts'
import { until, within } from '../waiting.ts'
import { startModernHttp } from './modern-http.ts'
import type { ModernMemory } from './modern-tools.ts'
import { open, startHttpServer, stdioServer } from './servers.ts'

// Servers of the revision 2026-07-28, which have no `initialize`, and older ones that do not bear a request before it.

/** Milliseconds after which a wait is a hang. */
const patienceMs = 20_000

interface Started extends AsyncDisposable {
  readonly config: ToolServerConfig
  readonly memory?: ModernMemory
}

const servers: readonly (readonly [name: string, start: () => Started])[] = [
  [
    'stdio',
    () => ({ config: stdioServer('new', 'modern-server.ts', []), [Symbol.asyncDispose]: async () => undefined }),
  ],
  ['HTTP', () => startModernHttp('new')],
]

for (const [name, start] of servers)
  describe(`a server that only speaks 2026-07-28, over ${name},`, () => {
    test('lists its tools, and runs them', async () => {
      await using server = start()
      await using tools = open([server.config])
      const names = [...(await tools.list()).keys()]
      expect(names).toEqual(['echo', 'regional', 'stream', 'hang', 'asks', 'later', 'structured', 'fails', 'grow'])
      expect(await tools.run('echo', { text: 'ü道' })).toEqual({ content: 'you said ü道', isError: false })
      const structured = [1, { n: null }]
      expect(await tools.run('structured')).toEqual({ content: '[1,{"n":null}]', isError: false, structured })
      expect(await tools.run('fails')).toEqual({ content: 'it went wrong', isError: true })
    })

    test('sends progress and log lines while a tool runs', async () => {
      await using server = start()
      await using tools = open([server.config])
      const chunks: string[] = []
      await tools.run('stream', {}, { onChunk: (text) => chunks.push(text) })
      expect(chunks).toEqual(['half\n', 'a log line\n'])
    })

    test('gets no input of a person, but may let a call come again', async () => {
      await using server = start()
      await using tools = open([server.config])
      expect(await tools.run('asks')).toMatchObject({ content: expect.stringContaining('capabilit'), isError: true })
      expect(await tools.run('later')).toEqual({ content: 'at last', isError: false })
    })

    test('is told at once that a call was aborted', async () => {
      await using server = start()
      await using tools = open([server.config])
      const left = newCancel()
      const gone = new Error('the client left')
      const begun = Promise.withResolvers<void>()
      const run = tools.run('hang', {}, { signal: left, onChunk: () => begun.resolve() })
      await within(begun.promise, patienceMs, 'the tool has begun')
      left.abort(gone)
      expect(await run.catch((thrown: unknown) => thrown)).toBe(gone)
      expect(await tools.run('echo', { text: 'on' })).toEqual({ content: 'you said on', isError: false })
      const { memory } = server
      if (memory) await until(() => memory.cancelled === 1, patienceMs, 'the server has stopped the tool')
    })
  })

describe('over HTTP, a server that only speaks 2026-07-28', () => {
  test('is asked nothing of older revisions, and is not asked again which one it speaks', async () => {
    await using server = startModernHttp('new')
    await using tools = open([server.config])
    await tools.run('echo', { text: 'a' })
    await until(() => server.asked.includes('POST subscriptions/listen'), patienceMs, 'we listen')
    const methods = server.asked.filter((method) => method !== 'POST subscriptions/listen')
    expect(new Set(methods)).toEqual(new Set(['POST server/discover', 'POST tools/list', 'POST tools/call']))
    expect(methods.filter((method) => method === 'POST server/discover')).toHaveLength(1)
  })

  test('gets a parameter in a header too, if its schema asks for that', async () => {
    await using server = startModernHttp('new')
    await using tools = open([server.config])
    expect((await tools.run('regional', { region: 'eu-1' })).content).toBe('region eu-1')
    expect((await tools.run('regional', { region: 'Köln' })).content).toBe('region =?base64?S8O2bG4=?=')
    expect((await tools.run('regional')).content).toBe('region null')
  })

  test('is asked for its tools again when it says that they have changed', async () => {
    await using server = startModernHttp('new', { ttlMs: 3_600_000 })
    await using tools = open([server.config])
    await tools.list()
    await until(() => server.asked.includes('POST subscriptions/listen'), patienceMs, 'we listen')
    await tools.run('grow')
    await until(async () => (await tools.list()).has('new'), patienceMs, 'the new tool is offered')
  })
})

test('over HTTP, an older server that fails at an unknown request is asked to initialize', async () => {
  const results: Readonly<Record<string, object>> = {
    initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'a', version: '1' } },
    'tools/list': { tools: [{ name: 'a', inputSchema: { type: 'object' } }] },
    'tools/call': { content: [{ type: 'text', text: 'ran' }] },
  }
  const server = await emulateHttp((exchange) => {
    if (exchange.request.method !== 'POST') return exchange.reply(405, '')
    const { id, method } = JSON.parse(exchange.request.body)
    if (method === 'server/discover') return exchange.reply(500, 'TypeError: unknown method')
    if (id === undefined) return exchange.reply(202, '')
    const answer = JSON.stringify({ jsonrpc: '2.0', id, result: results[method] })
    exchange.reply(200, answer, { 'content-type': 'application/json' })
  })
  await using tools = open([rawAt(server.origin)])
  expect(await tools.run('a')).toEqual({ content: 'ran', isError: false })
  await server.close()
})

/** Starts a server of the newer revision that answers with these results as they are. */
function startRaw(own: Readonly<Record<string, object>>) {
  const results: Readonly<Record<string, object>> = {
    'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } },
    'tools/list': { tools: [{ name: 'a', inputSchema: { type: 'object' } }] },
    ...own,
  }
  return emulateHttp((exchange) => {
    const { id, method } = JSON.parse(exchange.request.body)
    const result = { resultType: 'complete', ...results[method] }
    exchange.reply(200, JSON.stringify({ jsonrpc: '2.0', id, result }), { 'content-type': 'application/json' })
  })
}

const rawAt = (origin: string) =>
  ({ name: 'new', transport: 'http', url: new Secret(`${origin}/mcp`), headers: {} }) as const

test('untidy tools of a newer server do not hide the others', async () => {
  const tools = [
    { name: 'a', title: 7, description: 'A tool.', inputSchema: { $schema: 7, properties: { n: { type: 'number' } } } },
    { name: 'no-schema', description: 7, annotations: 'none' },
    { name: 'a-string', inputSchema: { type: 'string' } },
    { name: 7, inputSchema: { type: 'object' } },
    'nothing at all',
    { name: 'or-null', inputSchema: { type: ['object', 'null'] }, outputSchema: { $schema: 7 } },
  ]
  const server = await startRaw({ 'tools/list': { tools }, 'tools/call': { content: [{ type: 'text', text: 'ran' }] } })
  await using opened = open([rawAt(server.origin)])
  expect([...(await opened.list()).keys()]).toEqual(['a', 'no-schema', 'or-null'])
  expect(opened.log.warnings).toContain('some tools of an MCP server are not offered')
  expect(await opened.run('a', { n: 1 })).toEqual({ content: 'ran', isError: false })
  await server.close()
})

test('an invalid result of a newer server fails its call alone, and the model is told that the tool ran', async () => {
  const server = await startRaw({ 'tools/call': { content: [{ type: 'text', text: 7 }] } })
  await using tools = open([rawAt(server.origin)])
  expect(await tools.run('a')).toEqual({ content: 'The tool ran, but its answer is not valid.', isError: true })
  expect(tools.state('new')?.status).toBe('connected')
  await server.close()
})

test('a server that asks a person although nobody is there gets no answer, and the model is told so', async () => {
  const question = { method: 'elicitation/create', params: { mode: 'form', message: 'key?', requestedSchema: {} } }
  const server = await startRaw({ 'tools/call': { resultType: 'input_required', inputRequests: { key: question } } })
  await using tools = open([rawAt(server.origin)])
  expect(await tools.run('a')).toEqual({
    content: 'The tool asked for input of a person, which it cannot get here. It has not finished.',
    isError: true,
  })
  expect(server.requests.filter(({ body }) => body.includes('tools/call'))).toHaveLength(1)
  await server.close()
})

describe('over stdio, an older server', () => {
  test('that ends at a request before initialize is started again', async () => {
    await using tools = open([stdioServer('old', 'raw-server.ts', ['strict'])])
    expect(await within(tools.run('echo'), patienceMs, 'the outcome')).toEqual({ content: 'ran echo', isError: false })
  })

  test('that never answers an unknown request is asked to initialize after a while', async () => {
    await using tools = open([stdioServer('old', 'raw-server.ts', ['mute-probe'])], { greetMs: 6_000 })
    expect(await within(tools.run('echo'), patienceMs, 'the outcome')).toEqual({ content: 'ran echo', isError: false })
  })
})

test('over stdio, a newer server that starts slowly is not taken for an older one', async () => {
  await using tools = open([stdioServer('new', 'modern-server.ts', ['700'])], { greetMs: 6_000 })
  expect(await tools.run('echo', { text: 'late' })).toEqual({ content: 'you said late', isError: false })
})

test('an older server is asked only once which revision it speaks', async () => {
  await using server = await startHttpServer('old', 'http')
  await using tools = open([server.config])
  await tools.run('forget')
  await until(() => server.seen().sessions === 0, patienceMs, 'it has forgotten')
  await tools.run('echo', { text: 'a' })
  const probes = server.seen().seen.filter(({ headers }) => headers['mcp-method'] === 'server/discover')
  expect(probes).toHaveLength(1)
  expect(server.seen().sessions).toBe(1)
})
