import { describe, expect, test } from 'bun:test'
import { emulateMcp } from '../../test/tools/emulated-mcp.ts'
import { open, stdioServer } from '../../test/tools/servers.ts'
import { Secret } from '../chat/secret.ts'
import type { EmulatedExchange } from '../wire/emulator/http.ts'
import { machineWith } from '../wire/machine.double.ts'
import { sseData } from '../wire/sse.ts'

// These servers are honest but untidy. Their messages are written byte for byte.

const json = { 'content-type': 'application/json' }
const at = (origin: string) =>
  ({ name: 'a', transport: 'http', url: new Secret(`${origin}/mcp`), headers: {} }) as const

/** Replies as JSON or as an event stream. Each line of the JSON is a line of data. */
const replies = {
  JSON: (exchange: EmulatedExchange, text: string) => exchange.reply(200, text, json),
  events: (exchange: EmulatedExchange, text: string) =>
    exchange.reply(200, `id: 1\nevent: message\n${text.replace(/^/gm, 'data: ')}\n\n`, {
      'content-type': 'text/event-stream',
    }),
}

describe('a null member counts as absent', () => {
  const greeting = {
    protocolVersion: '2025-11-25',
    capabilities: { tools: { listChanged: null }, prompts: null, logging: null, experimental: null },
    serverInfo: { name: 'a', version: '1', title: null, websiteUrl: null, icons: null },
    instructions: null,
    _meta: null,
  }
  const schema = { type: 'object', properties: { n: { type: 'integer', default: null, enum: [1, null] } } }
  const tool = {
    name: 'a',
    title: null,
    description: null,
    inputSchema: schema,
    outputSchema: null,
    annotations: null,
    _meta: null,
    execution: null,
  }
  const result = {
    content: [{ type: 'text', text: 'ran', annotations: null, _meta: null }],
    structuredContent: null,
    isError: null,
    _meta: null,
  }
  const answer = (id: number, value: unknown) =>
    JSON.stringify({ jsonrpc: '2.0', id, result: value, error: null }, null, 2)

  for (const [how, reply] of Object.entries(replies))
    test(`over streamable HTTP, as ${how}`, async () => {
      const emulator = await emulateMcp({
        initialize: (exchange, id) => void reply(exchange, answer(id, greeting)),
        list: (exchange, id) => void reply(exchange, answer(id, { tools: [tool], nextCursor: null, _meta: null })),
        call: (exchange, id) => void reply(exchange, answer(id, result)),
      })
      await using tools = open([at(emulator.origin)])
      const listed = (await tools.list()).get('a')
      expect(listed?.description).toBeUndefined()
      expect(listed?.parameters).toMatchObject({ properties: { n: { default: null, enum: [1, null] } } })
      expect(await tools.run('a')).toEqual({ content: 'ran', isError: false })
      await emulator.close()
    })

  test('over stdio', async () => {
    await using tools = open([stdioServer('raw', 'raw-server.ts', ['nulls'])])
    expect([...(await tools.list()).keys()]).toEqual(['echo'])
    expect(await tools.run('echo')).toEqual({ content: 'ran echo', isError: false })
  })

  test('in the data of an error, and beside a result', async () => {
    const emulator = await emulateMcp({
      call: (exchange, id) =>
        void exchange.reply(
          200,
          JSON.stringify({ jsonrpc: '2.0', id, result: null, error: { code: -32_602, message: 'no', data: null } }),
          json,
        ),
    })
    await using tools = open([at(emulator.origin)])
    expect(await tools.run('a')).toEqual({ content: "The tool's server refused the call: no", isError: true })
    await emulator.close()
  })
})

for (const cursor of [null, '', undefined])
  test(`a list of tools ends with ${JSON.stringify(cursor)} as its next cursor`, async () => {
    let asked = 0
    const emulator = await emulateMcp({
      list: (exchange, id) => {
        const page = { tools: [{ name: `t${asked++}`, inputSchema: {} }], nextCursor: asked === 1 ? 'more' : cursor }
        replies.JSON(exchange, JSON.stringify({ jsonrpc: '2.0', id, result: page }))
      },
    })
    await using tools = open([at(emulator.origin)])
    expect([...(await tools.list()).keys()]).toEqual(['t0', 't1'])
    expect(asked).toBe(2)
    await emulator.close()
  })

describe('a restarted server gets a new session, and the call is made once more:', () => {
  const rpc = (message: string, code = -32_000) =>
    JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null })
  const refusals: readonly (readonly [status: number, body: string])[] = [
    [400, rpc('Bad Request: No valid session ID provided')],
    [400, rpc('Bad Request: Server not initialized')],
    [400, rpc('Bad Request: Mcp-Session-Id header is required')],
    [400, rpc('Session not found', -32_001)],
    [400, 'Invalid session ID'],
    [400, '{"detail": "Missing session ID"}'],
    [404, ''],
    [404, rpc('Session not found', -32_001)],
    [410, 'the session is over'],
  ]
  for (const [status, body] of refusals)
    test(`${status} ${body}`, async () => {
      await using server = await restartable((exchange) => exchange.reply(status, body, json))
      await using tools = open([at(server.origin)])
      expect(await tools.run('a')).toEqual({ content: 'ran in 1', isError: false })
      server.restart()
      expect(await tools.run('a')).toEqual({ content: 'ran in 2', isError: false })
      expect(server.runs).toBe(2)
    })

  test('a restarted server gets a new session when its tools are listed', async () => {
    const clock = { now: 0 }
    await using server = await restartable((exchange) => exchange.reply(400, rpc('No valid session ID provided'), json))
    await using tools = open([at(server.origin)], { runtime: machineWith({ elapsed: () => clock.now }) })
    expect([...(await tools.list()).keys()]).toEqual(['a'])
    server.restart()
    clock.now += 61_000
    expect(await tools.run('a')).toEqual({ content: 'ran in 2', isError: false })
  })

  test('a server that refuses every session is asked twice and no more', async () => {
    let calls = 0
    const emulator = await emulateMcp({
      call: (exchange) => {
        calls++
        exchange.reply(400, rpc('Bad Request: No valid session ID provided'), json)
      },
    })
    await using tools = open([at(emulator.origin)])
    expect(await tools.run('a')).toEqual({
      content: 'The tool was not run: it does not keep its sessions.',
      isError: true,
    })
    expect(calls).toBe(2)
    await emulator.close()
  })

  const others: readonly (readonly [status: number, body: string])[] = [
    [400, rpc('Bad Request: Unsupported protocol version')],
    [500, rpc('Session not found')],
    [200, rpc('Session not found', -32_001)],
    [200, rpc('the browser session is not initialized')],
  ]
  for (const [status, body] of others)
    test(`but after ${status} ${body} nothing is asked twice`, async () => {
      let calls = 0
      const emulator = await emulateMcp({
        call: (exchange, id) => {
          calls++
          exchange.reply(status, body.replace('"id":null', `"id":${id}`), json)
        },
      })
      await using tools = open([at(emulator.origin)])
      expect(await tools.run('a')).toMatchObject({ isError: true })
      expect(calls).toBe(1)
      await emulator.close()
    })
})

/** A server that keeps its sessions in memory. @param refuse answers a request with an unknown session */
async function restartable(refuse: (exchange: EmulatedExchange) => void) {
  let life = 1
  let runs = 0
  const isKnown = ({ request }: EmulatedExchange) => request.headers.get('mcp-session-id') === `s${life}`
  const answer = (exchange: EmulatedExchange, id: number, result: unknown, more = {}) =>
    void exchange.reply(200, JSON.stringify({ jsonrpc: '2.0', id, result }), { ...json, ...more })
  const emulator = await emulateMcp({
    initialize: (exchange, id) =>
      answer(
        exchange,
        id,
        { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'a', version: '1' } },
        { 'mcp-session-id': `s${life}` },
      ),
    list: (exchange, id) =>
      isKnown(exchange) ? answer(exchange, id, { tools: [{ name: 'a', inputSchema: {} }] }) : refuse(exchange),
    call(exchange, id) {
      if (!isKnown(exchange)) return refuse(exchange)
      runs++
      answer(exchange, id, { content: [{ type: 'text', text: `ran in ${life}` }] })
    },
  })
  return {
    origin: emulator.origin,
    get runs() {
      return runs
    },
    restart: () => void life++,
    [Symbol.asyncDispose]: () => emulator.close(),
  }
}

describe('a message that is too long fails only its own call:', () => {
  const call = (text: string, id: number) =>
    JSON.stringify({ result: { content: [{ type: 'text', text }] }, jsonrpc: '2.0', id })
  const long = 'x'.repeat(17 * 1024 * 1024)
  const tooLong = {
    content: 'The tool ran, but its answer is over 16 MiB and was not read. Ask it for less at a time.',
    isError: true,
  }
  for (const [how, reply] of Object.entries(replies))
    test(`over streamable HTTP, as ${how}`, async () => {
      let calls = 0
      const emulator = await emulateMcp({
        call: (exchange, id) => void reply(exchange, call(calls++ === 1 ? long : `call ${calls}`, id)),
      })
      await using tools = open([at(emulator.origin)])
      expect(await tools.run('a')).toEqual({ content: 'call 1', isError: false })
      expect(await tools.run('a')).toEqual(tooLong)
      expect(tools.state('a')).toMatchObject({ status: 'connected' })
      expect(await tools.run('a')).toEqual({ content: 'call 3', isError: false })
      await emulator.close()
    })

  test('an event stream continues after a long message that is not an answer', async () => {
    const emulator = await emulateMcp({
      call(exchange, id) {
        const note = JSON.stringify({
          jsonrpc: '2.0',
          method: 'notifications/message',
          params: { level: 'info', data: long },
        })
        exchange.reply(200, sseData(note) + sseData(call('after it', id)), { 'content-type': 'text/event-stream' })
      },
    })
    await using tools = open([at(emulator.origin)])
    expect(await tools.run('a')).toEqual({ content: 'after it', isError: false })
    await emulator.close()
  })
})
