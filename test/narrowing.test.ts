/** Requests that narrow the choice of an upstream, in every dialect and for tasks. */
import { afterAll, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import { startGateway } from './chaos/gateway.ts'

const emulators = {
  lab: await emulateOpenai({ models: ['m', 'only-lab'] }),
  groq: await emulateOpenai({ models: ['m'] }),
  mistral: await emulateOpenai({ models: ['m'] }),
  openrouter: await emulateOpenai({ models: ['m'] }),
}
type Name = keyof typeof emulators
const gateway = startGateway({
  UPSTREAM_LAB_URL: emulators.lab.url,
  UPSTREAM_LAB_MODELS: 'm,only-lab',
  GROQ_BASE_URL: emulators.groq.url,
  GROQ_API_KEY: 'unused-1',
  GROQ_MODELS: 'm',
  UPSTREAM_MISTRAL_URL: emulators.mistral.url,
  UPSTREAM_MISTRAL_MODELS: 'm',
  OPENROUTER_BASE_URL: emulators.openrouter.url,
  OPENROUTER_API_KEY: 'unused-2',
  OPENROUTER_MODELS: 'm',
  ROUTES: 'ordered = lab/m > groq/m > mistral/m; both = lab/m + groq/m; wide = lab/m > openrouter/m',
})
afterAll(async () => {
  await gateway.close()
  for (const emulator of Object.values(emulators)) await emulator.close()
})

const Problem = z.object({ error: z.looseObject({ message: z.string() }) })

/** The body of a new question in each dialect. A conversation would stay with the upstream that has answered it. */
const paths = {
  '/v1/chat/completions': (content: string) => ({ messages: [{ role: 'user', content }] }),
  '/v1/responses': (input: string) => ({ input, store: false }),
  '/v1/messages': (content: string) => ({ max_tokens: 9, messages: [{ role: 'user', content }] }),
  '/v1/embeddings': (input: string) => ({ input }),
  '/v1/completions': (prompt: string) => ({ prompt }),
}
let questions = 0

async function ask(wishes: object, path: keyof typeof paths = '/v1/chat/completions') {
  const body = JSON.stringify({ model: 'm', ...paths[path](`Question ${questions++}`), ...wishes })
  const response = await fetch(`${gateway.url}${path}`, { method: 'POST', body })
  const upstream = response.headers.get('x-tributary-upstream')
  const attempts = response.headers.get('x-tributary-attempts')
  const value: unknown = await response.json()
  const problem = Problem.safeParse(value)
  return { status: response.status, upstream, attempts, problem: problem.success ? problem.data.error : undefined }
}

/** The upstreams that answered a few requests with these wishes. */
async function upstreamsOf(wishes: object, path?: keyof typeof paths): Promise<string> {
  const seen = new Set<string | null>()
  for (let at = 0; at < 8; at++) seen.add((await ask(wishes, path)).upstream)
  return [...seen].sort().join(' ')
}

const failNext = (name: Name, count = 9) =>
  emulators[name].script(...Array.from({ length: count }, () => ({ status: 404, headers: {}, body: [] })))

describe('"tributary" in a request', () => {
  for (const path of Object.keys(paths) as (keyof typeof paths)[])
    test(`narrows ${path}`, async () => {
      expect(await upstreamsOf({ tributary: { only: ['mistral'] } }, path)).toBe('mistral')
      expect(await upstreamsOf({ tributary: { not: ['lab', 'mistral', 'openrouter'] } }, path)).toBe('groq')
      expect(await upstreamsOf({ tributary: { order: ['groq', 'mistral'] } }, path)).toBe('groq')
      expect(await upstreamsOf({ provider: { order: ['Mistral'] } }, path)).toBe('mistral')
    })

  test('narrows a route, and a panel to the members that are left', async () => {
    expect((await ask({ model: 'ordered', tributary: { order: 'mistral' } })).upstream).toBe('mistral')
    expect((await ask({ model: 'ordered', tributary: { not: ['lab'] } })).upstream).toBe('groq')
    expect((await ask({ model: 'both', tributary: { only: ['groq'] } })).upstream).toBe('groq')
  })
})

test('without fallback, only the first, or only those in the order, are asked', async () => {
  failNext('lab', 2)
  expect(await ask({ model: 'ordered', tributary: { fallback: false } })).toMatchObject({ status: 404, attempts: '1' })
  const both = { order: ['lab', 'mistral'], fallback: false }
  expect(await ask({ model: 'ordered', tributary: both })).toMatchObject({ status: 200, upstream: 'mistral' })
})

describe('a choice that leaves no upstream is refused, and says why:', () => {
  const wrong: readonly (readonly [wishes: object, param: string, message: RegExp])[] = [
    [{ tributary: { only: ['mistrl'] } }, 'tributary.only', /no upstream "mistrl". The nearest is "mistral"/],
    [{ tributary: { not: ['grok'] } }, 'tributary.not', /no upstream "grok". The nearest is "groq"/],
    [{ tributary: { order: ['lap'] } }, 'tributary.order', /no upstream "lap". The nearest is "lab"/],
    [
      { model: 'only-lab', tributary: { only: ['groq'] } },
      'tributary.only',
      /"only-lab": tributary.only leaves out lab\./,
    ],
    [
      { model: 'ordered', tributary: { only: ['lab', 'groq'], not: ['lab'] }, provider: { ignore: ['groq'] } },
      'tributary.not',
      /tributary.not leaves out lab; provider.ignore leaves out groq; tributary.only leaves out mistral\./,
    ],
    [{ model: 'lab/m', provider: { only: ['groq'] } }, 'provider.only', /provider.only leaves out lab/],
    [{ tributary: { only: [1] } }, 'tributary.only', /list of names of upstreams/],
  ]
  for (const [wishes, param, message] of wrong)
    test(JSON.stringify(wishes), async () =>
      expect(await ask(wishes)).toMatchObject({
        status: 400,
        problem: { param, message: expect.stringMatching(message) },
      }),
    )
})

describe("OpenRouter's provider object", () => {
  const lastOf = (name: Name) => emulators[name].chats.at(-1)

  test('that names no upstream here is for OpenRouter alone, and others do not get it', async () => {
    const provider = { order: ['deepinfra'], only: ['deepinfra'], allow_fallbacks: false, sort: 'price', zdr: true }
    expect((await ask({ model: 'openrouter/m', provider })).status).toBe(200)
    expect(lastOf('openrouter')).toMatchObject({ model: 'm', provider })
    failNext('lab', 1)
    expect((await ask({ model: 'wide', provider })).upstream).toBe('openrouter')
    await ask({ model: 'lab/m', provider })
    expect(lastOf('lab')).not.toHaveProperty('provider')
  })

  test('with a name that both know leaves OpenRouter in, which keeps to it itself', async () => {
    const provider = { only: ['mistral'] }
    expect(await upstreamsOf({ model: 'openrouter/m', provider })).toBe('openrouter')
    expect((await ask({ model: 'wide', provider })).upstream).toBe('openrouter')
    expect(lastOf('openrouter')).toMatchObject({ provider })
  })

  test('with the name of OpenRouter here chooses it, and does not name it to itself', async () => {
    expect(await upstreamsOf({ provider: { only: ['openrouter'], sort: 'latency' } })).toBe('openrouter')
    expect(lastOf('openrouter')).toMatchObject({ provider: { sort: 'latency' } })
    expect(lastOf('openrouter')?.provider).not.toHaveProperty('only')
    expect(await upstreamsOf({ provider: { ignore: ['openrouter', 'lab', 'groq'] } })).toBe('mistral')
  })

  test('goes to OpenRouter from every dialect and task', async () => {
    for (const path of Object.keys(paths) as (keyof typeof paths)[]) {
      const before = emulators.openrouter.requests.length
      expect((await ask({ model: 'openrouter/m', provider: { zdr: true } }, path)).status).toBe(200)
      const bodies = emulators.openrouter.requests.slice(before).map(({ body }) => body)
      expect([path, bodies.some((body) => body.includes('"provider":{"zdr":true}'))]).toEqual([path, true])
    }
  })

  test('of another form is no wish, and is sent on as any other member', async () => {
    await ask({ model: 'lab/m', provider: 'some-name' })
    expect(lastOf('lab')).toMatchObject({ provider: 'some-name' })
  })
})

test('an unknown model is a 404 with the nearest names', async () => {
  const { status, problem } = await ask({ model: 'only-lap' })
  expect([status, problem?.message]).toEqual([
    404,
    expect.stringMatching(
      /^The model "only-lap" does not exist here\. The nearest names are "lab\/only-lab", ".+", ".+"\./,
    ),
  ])
  const response = await fetch(`${gateway.url}/v1/models/orderd`)
  expect([response.status, await response.text()]).toEqual([
    404,
    expect.stringContaining('nearest names are \\"ordered\\"'),
  ])
})
