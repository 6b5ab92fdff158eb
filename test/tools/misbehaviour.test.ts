import { describe, expect, test } from 'bun:test'
import { Secret } from '../../src/chat/secret.ts'
import { emulateHttp } from '../../src/wire/emulator/http.ts'
import { cancelIn, newCancel } from '../../src/wire/machine.double.ts'
import { until, within } from '../waiting.ts'
import { open, path, startHttpServer, stdioServer } from './servers.ts'

// A handwritten server in a child process, next to a correct server.

const bad = (mode: string, environment = {}) => stdioServer('bad', 'raw-server.ts', [mode], environment)
const good = stdioServer('good', 'sdk-server.ts', ['stdio'])
const context = () => ({ signal: cancelIn(60_000), onChunk: () => undefined })
const namesOf = (tools: Awaited<ReturnType<ReturnType<typeof open>['list']>>) => [...tools.keys()]

describe('a server is disconnected, and the other one still works, if', () => {
  const listing: readonly (readonly [string, string, string])[] = [
    ['its pages go round in a circle', 'cyclic', 'its list of tools has no end'],
    ['its pages never end', 'endless', 'its list of tools has no end'],
  ]
  for (const [what, mode, why] of listing)
    test(what, async () => {
      await using tools = open([bad(mode), good])
      expect(namesOf(await tools.list('bad'))).toEqual([])
      expect(tools.state('bad')).toMatchObject({ status: 'failed', why })
      expect(tools.log.lines.join('\n')).toContain('an MCP server is cut off')
      const echo = (await tools.list()).get('echo')
      expect(await echo?.run({ text: 'hi' }, context())).toEqual({ content: 'you said hi', isError: false })
    })

  const calling: readonly (readonly [string, string, string, string | RegExp])[] = [
    ['it floods us with messages', '', 'flood', 'it floods the gateway with messages'],
    ['it sends a line without an end', 'long-line', 'long-line', 'it sent a message that has no end'],
    ['it answers too much, again and again', 'too-long', 'too-long', /^it sent messages that are too large/],
  ]
  for (const [what, mode, tool, why] of calling)
    test(what, async () => {
      await using tools = open([bad(mode), good])
      const failing = (await tools.list('bad')).get(tool)
      while (tools.state('bad')?.status === 'connected')
        expect(await within(Promise.resolve(failing?.run({}, context())), 20_000, 'the outcome')).toMatchObject({
          isError: true,
        })
      expect(tools.state('bad')?.status).toBe('failed')
      expect(tools.state('bad')?.why).toMatch(why)
      const echo = (await tools.list('good')).get('echo')
      expect(await echo?.run({ text: 'hi' }, context())).toEqual({ content: 'you said hi', isError: false })
    })
})

test('a server with a too long list of tools has no tools, and a reason', async () => {
  await using tools = open([bad('million')])
  expect(namesOf(await tools.list())).toEqual([])
  expect(tools.state('bad')?.why).toBe('it sent a message that is too large')
})

test('while a server floods us, another one answers', async () => {
  await using tools = open([bad(''), good])
  const flood = (await tools.list('bad')).get('flood')?.run({}, context())
  const echo = (await tools.list('good')).get('echo')
  expect(await within(Promise.resolve(echo?.run({ text: 'hi' }, context())), 20_000, 'the other')).toMatchObject({
    content: 'you said hi',
  })
  expect(await flood).toMatchObject({ isError: true })
})

test('of a server with endless pages of tools the first 256 are offered', async () => {
  await using tools = open([bad('pages')])
  const names = namesOf(await tools.list())
  expect([names.length, names.at(-1)]).toEqual([256, 't255'])
  expect(tools.log.lines.join('\n')).toContain('more than 256 tools')
})

test('a deceptive tool is left out, or shown without invisible characters, and the others stay', async () => {
  await using tools = open([bad('liars')])
  const listed = await tools.list()
  expect(namesOf(listed)).toEqual([
    'good',
    'long',
    'no-schema',
    expect.stringMatching(/^dotted_name_with_spaces_[0-9a-f]{8}$/),
    expect.any(String),
  ])
  expect(listed.get('good')?.description).toBe('It is good.\nReally.')
  expect(await listed.get('good')?.run({}, context())).toEqual({ content: 'ran good', isError: false })
  expect(listed.get('long')?.description).toHaveLength(4096)
  const [, , , dotted] = [...listed.values()]
  expect(dotted?.parameters).toEqual({
    type: 'object',
    properties: { p: { description: 'p', anyOf: expect.any(Array) } },
  })
  expect(await dotted?.run({}, context())).toEqual({ content: 'ran dotted.name/with spaces', isError: false })
})

test('a message that is nested too deep is skipped', async () => {
  await using tools = open([bad('')])
  expect(await tools.run('deep')).toEqual({ content: 'ran deep', isError: false })
})

test('other output of a server does no harm', async () => {
  await using tools = open([bad('banner')])
  expect(await tools.run('echo')).toEqual({ content: 'ran echo', isError: false })
})

describe('revisions', () => {
  for (const revision of ['2025-06-18', '2025-11-25'])
    test(`a server that speaks ${revision} is accepted`, async () => {
      await using tools = open([bad(`revision=${revision}`)])
      expect(await tools.run('echo')).toEqual({ content: 'ran echo', isError: false })
    })
  test('a server without a supported revision fails with a reason', async () => {
    await using tools = open([bad('revision=2099-01-01')])
    expect(namesOf(await tools.list())).toEqual([])
    expect(tools.state('bad')).toMatchObject({
      status: 'failed',
      why: 'it speaks no revision of MCP that the gateway speaks',
    })
  })
})

describe('a server without a connection has no tools, and a reason:', () => {
  const cannot: readonly (readonly [string, ReturnType<typeof bad>, string | RegExp])[] = [
    ['its process ends', bad('exit'), 'its process ended (exit code 7)'],
    [
      'its command does not exist',
      { ...good, name: 'bad', command: 'no-such-command' },
      /^its command could not be found/,
    ],
    ['its folder does not exist', { ...good, name: 'bad', folder: '/no/such/folder' }, /could not be started/],
  ]
  for (const [what, config, why] of cannot)
    test(what, async () => {
      await using tools = open([config])
      expect(namesOf(await tools.list())).toEqual([])
      expect(tools.state('bad')?.why).toMatch(why)
    })

  for (const [status, why] of [
    [401, "it refuses the gateway's credentials (HTTP 401)"],
    [404, 'it answered HTTP 404'],
    [500, 'it answered HTTP 500'],
  ] as const)
    for (const transport of ['http', 'sse'] as const)
      test(`it answers ${status} over ${transport}, and its address for tokens is not asked`, async () => {
        const emulator = await emulateHttp((exchange) =>
          exchange.reply(status, 'no', {
            'www-authenticate': `Bearer resource_metadata="${emulator.origin}/.well-known/oauth-protected-resource"`,
          }),
        )
        const url = new Secret(`${emulator.origin}/mcp`)
        await using tools = open([{ name: 'bad', transport, url, headers: {} }])
        expect(namesOf(await tools.list())).toEqual([])
        expect(tools.state('bad')).toMatchObject({ status: 'failed', why })
        expect(new Set(emulator.requests.map(({ path: asked }) => asked))).toEqual(new Set(['/mcp']))
        await emulator.close()
      })

  test('it redirects, which is not followed', async () => {
    await using elsewhere = await startHttpServer('real', 'http')
    const emulator = await emulateHttp((exchange) => exchange.reply(307, '', { location: `${elsewhere.origin}/mcp` }))
    const url = new Secret(`${emulator.origin}/mcp`)
    await using tools = open([{ name: 'bad', transport: 'http', url, headers: {} }])
    expect(namesOf(await tools.list())).toEqual([])
    expect(elsewhere.seen().seen).toEqual([])
    await emulator.close()
  })
})

test('a server that never answers initialize is waited for only as long as the client waits', async () => {
  await using tools = open([bad('silent'), good])
  const left = newCancel()
  const gone = new Error('the client left')
  const list = tools.registry.list(left)
  await until(() => tools.state('good')?.status === 'connected', 20_000, 'the other is connected')
  expect(tools.state('bad')).toMatchObject({ status: 'connecting' })
  left.abort(gone)
  expect(
    await within(
      list.catch((thrown: unknown) => thrown),
      250,
      'the list',
    ),
  ).toBe(gone)
})

test('a server that never answers initialize delays only the first request', async () => {
  await using tools = open([bad('silent'), good], { greetMs: 3_000 })
  expect(namesOf(await tools.list())).toContain('echo')
  const failures = () => tools.log.lines.filter((line) => line.startsWith('an MCP server failed')).length
  expect(failures()).toBe(1)
  // it is being tried again, in the background
  expect(namesOf(await tools.list())).toContain('echo')
  expect(failures()).toBe(1)
  expect(tools.state('bad')).toMatchObject({ status: 'failed', why: 'it did not answer in time' })
})

test('concurrent requests share one new connection to a server', async () => {
  await using server = await startHttpServer('real', 'http')
  await using tools = open([server.config])
  await Promise.all(Array.from({ length: 20 }, () => tools.list()))
  expect(server.seen().sessions).toBe(1)
})

test('the beginning of the output of a server is logged without secrets', async () => {
  const mark = 'stderr-mark-of-a-secret-kind'
  await using tools = open([bad('stderr', { MARK: new Secret(mark) })])
  expect(await tools.run('echo')).toMatchObject({ isError: false })
  const said = () => tools.log.lines.filter((line) => line.startsWith('an MCP server wrote to its standard error'))
  await until(() => said().length >= 2, 20_000, 'it has said something')
  expect(said().join('\n')).not.toContain('the end')
  expect(tools.state('bad')?.stderr).toBe('the end')
  expect(Math.max(...said().map(({ length }) => length))).toBeLessThan(5_000)
})

test('a process gets its configured environment, and none of the gateway’s variables', async () => {
  await using tools = open([{ ...good, environment: { ...path, MARK: new Secret('mark') }, folder: '/' }])
  const { env, cwd } = JSON.parse((await tools.run('environment')).content)
  // the shell around the command adds the variables of every shell
  const { PWD, OLDPWD, SHLVL, _, ...own } = env
  expect(own).toEqual({ ...path, MARK: 'mark' })
  expect(cwd).toBe('/')
})
