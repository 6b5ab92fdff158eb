/** Follows docs/adding-a-surface.md to the letter: the test writes the files of the guide, and checks its promises. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { addressIn, type FollowedGuide, followGuide, plain, tool } from './guide.ts'
import { within } from './waiting.ts'

let guide: FollowedGuide
beforeAll(async () => {
  guide = await followGuide('docs/adding-a-surface.md')
})
afterAll(() => guide.close())

const wellDone = { code: 0, said: expect.any(String) }
const list = 'src/api/surfaces/index.ts'

test('one folder and one line in the list of surfaces for each', async () => {
  const after = await guide.contents()
  const touched = [...after].filter(([path, text]) => guide.before.get(path) !== text).map(([path]) => path)
  expect(touched.filter((path) => !/^src\/api\/surfaces\/(hello|small-talk)\//.test(path))).toEqual([list])
  expect([...guide.before.keys()].filter((path) => !after.has(path))).toEqual([])
  const lines = (text = '') => text.split('\n')
  const added = lines(after.get(list)).filter((line) => !lines(guide.before.get(list)).includes(line))
  expect(added).toEqual([
    expect.stringMatching(/^import .*hello/),
    expect.stringMatching(/^import .*small-talk/),
    expect.stringMatching(/, hello, talk\]$/),
  ])
})

test('the surface has ten lines without its imports', async () => {
  const text = (await guide.contents()).get('src/api/surfaces/hello/index.ts') ?? ''
  expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('import ')).length).toBe(10)
})

describe('the source of the guide', () => {
  test('has the right types', async () => {
    expect(await guide.checkTypes()).toEqual(wellDone)
  })

  test('is formatted and linted', async () => {
    const paths = [...new Set(guide.blocks.map(({ path }) => path))]
    expect(await guide.run(process.execPath, tool('biome'), 'check', '--vcs-enabled=false', ...paths)).toEqual(wellDone)
  })

  test('passes its own test and the tests of the architecture', async () => {
    const tests = ['src/api/surfaces/hello', 'test/architecture.test.ts', 'test/glossary.test.ts']
    const { code, said } = await guide.run(process.execPath, 'test', ...tests)
    expect({ code, said }).toEqual(wellDone)
    expect(said).toMatch(/\b[1-9]\d* pass\n\s*0 fail/)
  })
})

test('openapi.json is written from the list', async () => {
  expect(await guide.run(process.execPath, 'run', 'openapi')).toEqual(wellDone)
  const written = JSON.parse((await guide.contents()).get('openapi.json') ?? '')
  expect(written.paths['/hello'].get).toMatchObject({ tags: ['hello'], summary: 'Greets' })
  expect(written.paths['/small-talk'].post.security).toHaveLength(3)
  expect(written.paths['/health'].get.security).toEqual([])
})

describe('the gateway from that source', () => {
  const key = 'sk-guide-0123456789abcdef'
  let server: Bun.Subprocess<'ignore', 'pipe', 'inherit'> | undefined
  let url = ''

  beforeAll(async () => {
    server = Bun.spawn([process.execPath, 'src/main.ts'], {
      cwd: guide.folder,
      env: { ...plain, HOST: '127.0.0.1', PORT: '0', API_MASTER_KEY: key },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'inherit',
    })
    url = await within(addressIn(server.stdout), 30_000, 'the address')
  })

  afterAll(async () => {
    server?.kill('SIGTERM')
    await server?.exited
  })

  /** The status and the body of an answer. */
  async function ask(
    line: string,
    init: RequestInit = {},
  ): Promise<{ status: number; body: unknown; headers: Headers }> {
    const [method = '', path = ''] = line.split(' ')
    const response = await fetch(url + path, { method, headers: { authorization: `Bearer ${key}` }, ...init })
    const { status, headers } = response
    return { status, headers, body: await response.json() }
  }

  const sorry = (words: string) => ({ sorry: expect.stringContaining(words) })
  const chat = (body: object) => ({ body: JSON.stringify(body) })

  test('answers at its path, with and without an extra slash', async () => {
    expect(await ask('GET /hello?to=you')).toMatchObject({ status: 200, body: { hello: 'you' } })
    expect(await ask('GET //hello/?to=you')).toMatchObject({ status: 200, body: { hello: 'you' } })
  })

  const failures: readonly (readonly [line: string, init: RequestInit, status: number, words: string])[] = [
    ['POST /hello', {}, 405, 'only for GET'],
    ['GET /hello/there', {}, 404, 'GET /hello'],
    ['GET /hello', { headers: {} }, 401, 'No API key'],
    ['GET /hello', { headers: { 'x-api-key': 'sk-wrong' } }, 403, 'wrong'],
    ['GET /hello?to=', {}, 400, '"to" is empty'],
    ['GET /hello', { headers: { 'x-api-key': key, 'x-tributary-hops': '9' } }, 400, 'gateways'],
    ['POST /small-talk', { body: '{' }, 400, 'not valid JSON'],
    ['POST /small-talk', chat({}), 400, '"say" must be a text'],
    ['POST /small-talk', { ...chat({ say: 'hm' }), headers: {} }, 401, 'No API key'],
  ]
  for (const [line, init, status, words] of failures)
    test(`${line} ${JSON.stringify(init)}: ${status}, in its own form`, async () => {
      expect(await ask(line, init)).toMatchObject({ status, body: sorry(words) })
    })

  test('a chat is answered whole and as a stream', async () => {
    const whole = await ask('POST /small-talk', chat({ say: 'salmon' }))
    expect(whole.body).toEqual({ said: expect.stringContaining('You said: salmon') })
    expect(whole.headers.get('x-tributary-upstream')).toBe('demo')
    const stream = await fetch(`${url}/small-talk`, {
      method: 'POST',
      headers: { 'api-key': key },
      ...chat({ say: 'salmon', aloud: true }),
    })
    expect(stream.headers.get('content-type')).toContain('text/event-stream')
    const text = await stream.text()
    expect(text).toContain('data: {"said":" salmon"}\n\n')
    expect(text).toEndWith('data: {"over":true}\n\n')
  })

  test('every answer has the headers of its surface, and a failure the id of its request', async () => {
    const headers = { 'x-request-id': 'talk-1', authorization: `Bearer ${key}`, origin: 'https://page.example' }
    const well = await ask('POST /small-talk', { ...chat({ say: 'hm' }), headers })
    const badly = await ask('POST /small-talk', { ...chat({}), headers })
    const refused = await ask('POST /small-talk', { ...chat({ say: 'hm' }), headers: { 'x-request-id': 'talk-1' } })
    const lost = await ask('GET /small-talk/there', { headers })
    for (const answer of [well, badly, refused, lost]) expect(answer.headers.get('small-talk-id')).toBe('talk-1')
    for (const { body } of [badly, refused, lost]) expect(body).toMatchObject({ request: 'talk-1' })
    expect(well.headers.get('access-control-expose-headers')).toEndWith(', small-talk-id')
    const stream = await fetch(`${url}/small-talk`, { method: 'POST', headers, ...chat({ say: 'hm', aloud: true }) })
    expect(stream.headers.get('small-talk-id')).toBe('talk-1')
    await stream.text()
    expect((await ask('GET /hello', { headers })).headers.get('small-talk-id')).toBeNull()
  })

  test('pages of other origins may ask if the route allows it', async () => {
    const headers = { origin: 'https://page.example', 'access-control-request-method': 'POST' }
    const allowed = async (path: string) =>
      (await fetch(url + path, { method: 'OPTIONS', headers })).headers.get('access-control-allow-origin')
    expect([await allowed('/small-talk'), await allowed('/hello')]).toEqual(['*', null])
  })

  test('other surfaces answer as before', async () => {
    expect(await ask('GET /v1/nothing')).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } })
    expect(await ask('GET /nothing')).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } })
  })
})
