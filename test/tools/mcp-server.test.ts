import { describe, expect, test } from 'bun:test'
import type { ToolServerConfig } from '../../src/tools/server-config.ts'
import { cancelIn, newCancel } from '../../src/wire/machine.double.ts'
import { until, within } from '../waiting.ts'
import { type HttpToolServer, type OpenTools, open, startHttpServer, stdioServer } from './servers.ts'

// The library's own server classes: over HTTP in this process, over stdio in a child process.

/** Milliseconds after which a wait is a hang. */
const patienceMs = 20_000

interface Started extends AsyncDisposable {
  readonly config: ToolServerConfig
}

const stdio = async (): Promise<Started> => ({
  config: stdioServer('real', 'sdk-server.ts', ['stdio']),
  [Symbol.asyncDispose]: async () => undefined,
})

const transports: readonly (readonly [name: string, start: () => Promise<Started>])[] = [
  ['stdio', stdio],
  ['streamable HTTP', () => startHttpServer('real', 'http')],
  ['streamable HTTP with JSON replies', () => startHttpServer('real', 'http', 'json')],
  ['streamable HTTP with resumable replies', () => startHttpServer('real', 'http', 'resumable')],
  ['the older HTTP with events', () => startHttpServer('real', 'sse')],
]

const unknown = /It is not known whether it ran/

for (const [name, start] of transports)
  describe(`over ${name}`, () => {
    test('tools of all pages are listed, and run', async () => {
      await using server = await start()
      await using tools = open([server.config])
      expect(tools.state('real')).toMatchObject({ status: 'connecting', tools: 0 })
      const listed = [...(await tools.registry.list(cancelIn(10_000), ['real'])).values()]
      expect(listed).toHaveLength(21)
      expect(listed[0]).toMatchObject({
        name: 'real__echo',
        server: 'real',
        description: 'Says it back.',
        parameters: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
      })
      expect(tools.state('real')).toMatchObject({ status: 'connected', tools: 21 })
      expect(await tools.run('echo', { text: 'ü道' })).toEqual({ content: 'you said ü道', isError: false })
      expect((await tools.run('image')).content).toBe(
        'a picture:\n[image 1: image/png, 12 KB]\n[audio/wav, 3 bytes, not shown]',
      )
      expect((await tools.run('structured')).content).toBe('{"n":1}')
      expect(await tools.run('nothing')).toEqual({ content: '', isError: false })
    })

    test('a failure is a tool result, and so is a result that breaks its schema', async () => {
      await using server = await start()
      await using tools = open([server.config])
      expect(await tools.run('fails')).toEqual({ content: 'it went wrong', isError: true })
      expect(await tools.run('refuses')).toEqual({
        content: "The tool's server refused the call: these arguments will not do",
        isError: true,
      })
      const structured = { n: 'no number' }
      expect(await tools.run('liar')).toEqual({ content: '{"n":"no number"}', isError: false, structured })
      expect(tools.state('real')?.status).toBe('connected')
    })

    test('a slow tool does not block other tools', async () => {
      await using server = await start()
      await using tools = open([server.config])
      const [slow, ...quick] = await Promise.all([
        tools.run('slow'),
        tools.run('echo', { text: 'a' }),
        tools.run('echo', { text: 'b' }),
      ])
      expect([slow, ...quick].map(({ content }) => content)).toEqual(['at last', 'you said a', 'you said b'])
    })

    test('a result of 10 MB comes whole, and a result over 16 MiB fails only its own call', async () => {
      await using server = await start()
      await using tools = open([server.config])
      const big = (await tools.list()).get('big')
      const context = { signal: cancelIn(60_000), onChunk: () => undefined }
      expect((await big?.run({ bytes: 10_000_000 }, context))?.content).toHaveLength(10_000_000)
      const [tooBig, slow] = await Promise.all([big?.run({ bytes: 17_000_000 }, context), tools.run('slow')])
      expect(tooBig).toMatchObject({ content: expect.stringContaining('over 16 MiB'), isError: true })
      expect(slow).toEqual({ content: 'at last', isError: false })
      expect(tools.state('real')).toMatchObject({ status: 'connected' })
      expect(await tools.run('echo', { text: 'hi' })).toEqual({ content: 'you said hi', isError: false })
    })

    test('an aborted call is cancelled at the server at once, and the next one runs', async () => {
      await using server = await start()
      await using tools = open([server.config])
      const left = newCancel()
      const gone = new Error('the client left')
      const begun = Promise.withResolvers<void>()
      const run = tools.run('hang', {}, { signal: left, onChunk: () => begun.resolve() })
      // a server with JSON replies sends nothing in between
      if (name.includes('JSON')) await untilRemembered(tools, ({ runs }) => runs > 0)
      else await within(begun.promise, patienceMs, 'the tool has begun')
      left.abort(gone)
      expect(
        await within(
          run.catch((thrown: unknown) => thrown),
          250,
          'the abort',
        ),
      ).toBe(gone)
      await untilRemembered(tools, ({ cancelled }) => cancelled === 1)
    })

    test('requests of a server to its client are refused: sampling, elicitation, roots', async () => {
      await using server = await start()
      await using tools = open([server.config])
      // a server with JSON replies cannot send requests
      if (name.includes('JSON')) return
      expect((await tools.run('asks')).content).toBe('-32601 -32601 -32601')
    })

    test('new tools are offered, and a tool whose definition changes is turned off', async () => {
      await using server = await start()
      await using tools = open([server.config])
      const before = await tools.list()
      const context = { signal: cancelIn(10_000), onChunk: () => undefined }
      await untilListed(tools, 'grow', (names) => names.some((name) => /^new_tool_[0-9a-f]{8}$/.test(name)))
      await untilListed(tools, 'change', (names) => !names.includes('echo'))
      expect(await before.get('echo')?.run({ text: 'hi' }, context)).toMatchObject({
        content: expect.stringMatching(/^The tool was not run: .* is off until its server or the gateway is restarted/),
        isError: true,
      })
      expect(tools.log.lines.join('\n')).toContain('has changed since it was first seen')
      expect(await tools.run('stream')).toMatchObject({ isError: false })
    })
  })

async function memoryOf(tools: OpenTools): Promise<{ readonly runs: number; readonly cancelled: number }> {
  return JSON.parse((await tools.run('memory')).content)
}

/** Asks for the server's memory until it has this state. */
async function untilRemembered(tools: OpenTools, isSo: (memory: Awaited<ReturnType<typeof memoryOf>>) => boolean) {
  await until(async () => isSo(await memoryOf(tools)), patienceMs, 'the server knows of it')
}

/** Runs a tool that changes the list of tools, until the names are right. The server's notification may come early, and only once. */
async function untilListed(
  tools: OpenTools,
  changing: string,
  isSo: (names: readonly string[]) => boolean,
): Promise<void> {
  const isListed = async () => isSo([...(await tools.list()).keys()])
  const isChanged = async () => {
    if (await isListed()) return true
    await tools.run(changing)
    return isListed()
  }
  await until(isChanged, patienceMs, 'the tools are others')
}

for (const [name, start] of transports.filter(([name]) => !name.includes('JSON')))
  test(`over ${name} a running tool's progress and log are its output, in order`, async () => {
    await using server = await start()
    await using tools = open([server.config])
    const chunks: string[] = []
    await tools.run('stream', {}, { onChunk: (text) => chunks.push(text) })
    expect(chunks).toEqual(['1 of 3\n', 'half\n', '3 of 3\n', 'a log line\n'])
  })

test('two concurrent calls get only their own progress, and no log lines, because those name no call', async () => {
  await using server = await startHttpServer('real', 'http')
  await using tools = open([server.config])
  const left = newCancel()
  const [hanging, streaming]: [string[], string[]] = [[], []]
  const hang = tools.run('hang', {}, { signal: left, onChunk: (text) => hanging.push(text) })
  await until(() => hanging.length > 0, patienceMs, 'the first has begun')
  await tools.run('stream', {}, { onChunk: (text) => streaming.push(text) })
  left.abort(new Error('enough'))
  await hang.catch(() => undefined)
  expect([hanging, streaming]).toEqual([['hanging\n'], ['1 of 3\n', 'half\n', '3 of 3\n']])
})

test('a tool that is listed again is the same tool, and its warning is not repeated', async () => {
  await using server = await stdio()
  await using tools = open([server.config])
  const before = (await tools.list()).get('echo')
  await untilListed(tools, 'grow', (names) => names.some((name) => name.startsWith('new_tool')))
  expect(before).toBeDefined()
  expect((await tools.list()).get('echo')).toBe(before)
})

describe('a connection that breaks within a call', () => {
  const breaking: readonly (readonly [string, () => Promise<Started>, tool: string])[] = [
    ['stdio', stdio, 'crash'],
    ['streamable HTTP', () => startHttpServer('real', 'http'), 'drop'],
    ['the older HTTP', () => startHttpServer('real', 'sse'), 'drop'],
  ]
  for (const [name, start, tool] of breaking)
    test(`over ${name} leaves the outcome unknown; the call is not repeated, and the next one connects anew`, async () => {
      await using server = await start()
      await using tools = open([server.config])
      const before = (await memoryOf(tools)).runs
      expect(await within(tools.run(tool), patienceMs, 'the outcome')).toMatchObject({
        content: expect.stringMatching(unknown),
        isError: true,
      })
      const { runs } = await memoryOf(tools)
      // a crashed process has lost its memory
      expect(runs).toBe(tool === 'crash' ? 0 : before + 1)
      expect(tools.state('real')).toMatchObject({ status: 'connected' })
    })

  test('of a server that exits for good has an error that says so', async () => {
    const server = await startHttpServer('real', 'http')
    await using tools = open([server.config])
    const echo = (await tools.list()).get('echo')
    await server[Symbol.asyncDispose]()
    const context = { signal: cancelIn(10_000), onChunk: () => undefined }
    expect(await echo?.run({ text: 'hi' }, context)).toMatchObject({ isError: true })
  })
})

describe('streamable HTTP', () => {
  const headersOf = async (server: HttpToolServer, method: string) =>
    server
      .seen()
      .seen.filter((request) => request.method === method)
      .map(({ headers }) => headers)

  test('keeps one session, sends the revision, and deletes the session on close', async () => {
    await using server = await startHttpServer('real', 'http')
    const tools = open([server.config])
    await tools.run('echo', { text: 'a' })
    await tools.run('echo', { text: 'b' })
    expect(server.seen().sessions).toBe(1)
    const [probe, first, ...later] = await headersOf(server, 'POST')
    expect(probe).toMatchObject({ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'server/discover' })
    expect(first?.['mcp-session-id']).toBeUndefined()
    expect(first).toMatchObject({ accept: 'application/json, text/event-stream', 'content-type': 'application/json' })
    expect(new Set(later.map((headers) => headers['mcp-session-id'])).size).toBe(1)
    for (const headers of later.slice(1)) expect(headers['mcp-protocol-version']).toBe('2025-11-25')
    await tools.registry.close()
    expect(await headersOf(server, 'DELETE')).toHaveLength(1)
    expect(server.seen().sessions).toBe(0)
  })

  test('starts a new session if the server has lost the old one, and calls the tool there', async () => {
    await using server = await startHttpServer('real', 'http')
    await using tools = open([server.config])
    await tools.run('forget')
    await until(() => server.seen().sessions === 0, patienceMs, 'it has forgotten')
    expect(await tools.run('echo', { text: 'again' })).toEqual({ content: 'you said again', isError: false })
    expect(server.seen().memory.runs).toBe(2)
  })

  test('resumes a reply after its last event', async () => {
    await using server = await startHttpServer('real', 'http', 'resumable')
    await using tools = open([server.config])
    expect(await within(tools.run('resume'), patienceMs, 'the reply')).toEqual({
      content: 'taken up again',
      isError: false,
    })
    const resumed = (await headersOf(server, 'GET')).filter((headers) => headers['last-event-id'])
    expect(resumed).toHaveLength(1)
    expect(server.seen().memory.runs).toBe(1)
  })

  test('does not resume a reply that failed', async () => {
    await using server = await startHttpServer('real', 'http', 'resumable')
    await using tools = open([server.config])
    expect(await tools.run('refuses')).toMatchObject({ isError: true })
    // the library would resume the reply within the server's retry time of 20 ms
    await tools.run('slow')
    expect((await headersOf(server, 'GET')).filter((headers) => headers['last-event-id'])).toEqual([])
  })

  test('closes the reply of a cancelled call, and does not resume it', async () => {
    await using server = await startHttpServer('real', 'http', 'resumable')
    await using tools = open([server.config])
    const left = newCancel()
    const begun = Promise.withResolvers<void>()
    const run = tools.run('hang', {}, { signal: left, onChunk: () => begun.resolve() })
    await within(begun.promise, patienceMs, 'the tool has begun')
    left.abort(new Error('enough'))
    await run.catch(() => undefined)
    await until(() => server.seen().openReplies === 0, patienceMs, 'the reply is let go of')
    // an event of the reply had an id, so the library would resume it within the retry time of 20 ms
    await tools.run('slow')
    expect((await headersOf(server, 'GET')).filter((headers) => headers['last-event-id'])).toEqual([])
  })
})
