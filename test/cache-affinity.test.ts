/** A conversation stays with the account that has its prompt in a cache, and what breaks a cache is named. */
import { afterAll, describe, expect, test } from 'bun:test'
import { startGateway } from './chaos/gateway.ts'
import { startCachingService } from './prefix-cache.ts'

const accounts = ['key-one', 'key-two', 'key-three']
const keys = (prefix: string) => Object.fromEntries(accounts.map((key, at) => [`${prefix}_KEY_${at + 1}`, key]))
const service = startCachingService()
const direct = startCachingService()
const gateway = startGateway({
  UPSTREAM_LAB_URL: `${service.url}/v1`,
  UPSTREAM_LAB_MODELS: 'model,other',
  ...keys('UPSTREAM_LAB'),
  ANTHROPIC_BASE_URL: service.url,
  ANTHROPIC_MODELS: 'model',
  ANTHROPIC_API_KEY_1: 'key-one',
  ANTHROPIC_API_KEY_2: 'key-two',
  ANTHROPIC_API_KEY_3: 'key-three',
})
afterAll(async () => {
  await gateway.close()
  await service.close()
  await direct.close()
})

type Json = Readonly<Record<string, unknown>>

async function post(url: string, body: Json, headers: Record<string, string> = {}): Promise<Response> {
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  })
  expect(response.status).toBe(200)
  await response.text()
  return response
}

/** A text of about 300 tokens that is not like another. */
const long = (about: string) => `${about} `.repeat(1200 / (about.length + 1))
/** Each conversation has its own, so that no two of them have a beginning in common. */
const toolsOf = (talk: number) =>
  ['read', 'write', 'list', 'find'].map((name) => {
    const parameters = { type: 'object', properties: { path: { type: 'string' } } }
    return { type: 'function', function: { name, description: `Can ${name} the files of ${talk}.`, parameters } }
  })

/** The body of each turn of a conversation. */
const bodies: Readonly<Record<string, (talk: number, turn: number) => Json>> = {
  '/v1/chat/completions': (talk, turn) => ({
    model: 'lab/model',
    tools: toolsOf(talk),
    messages: [
      { role: 'system', content: long(`rules of ${talk}`) },
      ...turnsOf(talk, turn).map(({ role, text }) => ({ role, content: text })),
    ],
  }),
  '/v1/messages': (talk, turn) => ({
    model: 'anthropic/model',
    max_tokens: 100,
    system: [{ type: 'text', text: long(`rules of ${talk}`), cache_control: { type: 'ephemeral' } }],
    messages: turnsOf(talk, turn).map(({ role, text }, at, all) => ({
      role,
      // clients move their mark to the newest message
      content: [{ type: 'text', text, ...(at === all.length - 1 && { cache_control: { type: 'ephemeral' } }) }],
    })),
  }),
}

function turnsOf(talk: number, turn: number) {
  return Array.from({ length: 2 * turn + 1 }, (_, at) =>
    at % 2 === 0 ? { role: 'user', text: long(`question ${at} of ${talk}`) } : { role: 'assistant', text: 'Yes.' },
  )
}

for (const [path, bodyOf] of Object.entries(bodies))
  test(`200 turns over three accounts at ${path} hit the cache as often as a direct connection`, async () => {
    const before = [service.served.length, direct.served.length] as const
    const talks = 20
    for (let turn = 0; turn < 200 / talks; turn++)
      for (let talk = 0; talk < talks; talk++) {
        const body = bodyOf(talk, turn)
        const response = await post(`${gateway.url}${path}`, body)
        expect(response.headers.get('x-tributary-cache')).toBeNull()
        await post(`${direct.url}${path}`, { ...body, model: 'model' }, { 'x-api-key': 'one' })
      }
    const [through, alone] = [service.served.slice(before[0]), direct.served.slice(before[1])]
    expect(through.length).toBe(200)
    expect(through.map(({ cachedTokens }) => cachedTokens)).toEqual(alone.map(({ cachedTokens }) => cachedTokens))
    expect(alone.filter(({ cachedTokens }) => cachedTokens > 0).length).toBe(180)
    expect(new Set(through.map(({ account }) => account)).size).toBe(3)
  })

describe('a conversation stays', () => {
  const services = [startCachingService(), startCachingService()] as const
  const [one, two] = services
  const routed = startGateway({
    UPSTREAM_ONE_URL: `${one.url}/v1`,
    UPSTREAM_ONE_MODELS: 'model',
    ...keys('UPSTREAM_ONE'),
    UPSTREAM_TWO_URL: `${two.url}/v1`,
    UPSTREAM_TWO_MODELS: 'model',
    UPSTREAM_TWO_KEY: 'key-of-two',
    ROUTES: 'best=one/model > two/model',
  })
  afterAll(async () => {
    await routed.close()
    for (const each of services) await each.close()
  })
  const ask = async (model: string, talk: number, turn: number) => {
    const body = bodies['/v1/chat/completions']?.(talk, turn)
    const { headers } = await post(`${routed.url}/v1/chat/completions`, { ...body, model })
    return headers.get('x-tributary-upstream')
  }

  test('with one of two upstreams that have its model', async () => {
    const first = await Promise.all(Array.from({ length: 12 }, (_, talk) => ask('model', 100 + talk, 0)))
    expect(new Set(first).size).toBe(2)
    for (let turn = 1; turn < 4; turn++)
      for (const [talk, upstream] of first.entries()) expect(await ask('model', 100 + talk, turn)).toBe(upstream)
    expect([...one.served, ...two.served].filter(({ cachedTokens }) => cachedTokens === 0).length).toBe(12)
  })

  test('with the second of a route, after the first is back', async () => {
    for (const account of accounts) one.failNext(account, 500, 3)
    expect(await ask('best', 200, 0)).toBe('two')
    for (const account of accounts) one.failNext(account, 500, 0)
    expect(await ask('best', 200, 1)).toBe('two')
    expect(two.served.at(-1)?.cachedTokens).toBeGreaterThan(0)
    expect(await ask('best', 201, 0)).toBe('one')
  })

  const named: readonly (readonly [name: string, headers: Record<string, string>, members: Json])[] = [
    ["a session's header", { 'session-id': 'one-session' }, {}],
    ["Claude Code's header", { 'x-claude-code-session-id': 'another' }, {}],
    ['a cache key', {}, { prompt_cache_key: 'a-key' }],
  ]
  for (const [name, headers, members] of named)
    test(`with its account by ${name}, whatever it says`, async () => {
      const before = one.served.length
      for (let talk = 0; talk < 4; talk++)
        await post(
          `${routed.url}/v1/chat/completions`,
          { ...bodies['/v1/chat/completions']?.(500 + talk, 0), ...members, model: 'one/model' },
          headers,
        )
      expect(one.served.length).toBe(before + 4)
      expect(new Set(one.served.slice(before).map(({ account }) => account)).size).toBe(1)
    })

  test('until its upstream is down, and then with the next', async () => {
    expect(await ask('best', 300, 0)).toBe('one')
    for (const account of accounts) one.failNext(account, 500, 3)
    expect(await ask('best', 300, 1)).toBe('two')
    for (const account of accounts) one.failNext(account, 500, 0)
    expect(await ask('best', 300, 2)).toBe('two')
  })

  test('until its account is refused, and then with the next', async () => {
    expect(await ask('one/model', 400, 0)).toBe('one')
    const account = one.served.at(-1)?.account ?? ''
    one.failNext(account, 429)
    await ask('one/model', 400, 1)
    const next = one.served.at(-1)?.account
    expect(next).not.toBe(account)
    await ask('one/model', 400, 2)
    expect(one.served.at(-1)?.account).toBe(next)
    expect(one.served.at(-1)?.cachedTokens).toBeGreaterThan(0)
  })
})

/** A body whose tools and messages can be changed by path. */
interface Talk {
  readonly path: string
  readonly body: Record<string, unknown>
}

const functions = toolsOf(0).map(({ function: { name, description, parameters } }) => ({
  ...{ name, description },
  input_schema: parameters,
}))
const asked = (text: string) => ({ role: 'user', content: [{ type: 'text', text }] })
const said = (text: string) => ({ role: 'assistant', content: [{ type: 'text', text }] })

const chat = (name: string): Talk => ({
  path: '/v1/chat/completions',
  body: {
    ...{ model: 'lab/model', tools: toolsOf(0), response_format: { type: 'text' } },
    messages: [
      { role: 'system', content: 'It is noon.' },
      { role: 'user', content: `first of ${name}` },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c1', type: 'function', function: { name: 'read', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c1', content: 'a file' },
      said('Done.'),
      asked('second'),
    ],
  },
})
const messages = (name: string): Talk => ({
  path: '/v1/messages',
  body: {
    ...{ model: 'anthropic/model', max_tokens: 10, tools: functions },
    system: [
      { type: 'text', text: 'Be brief.' },
      { type: 'text', text: 'It is noon.' },
    ],
    messages: [asked(`first of ${name}`), said('Yes.'), asked('second')],
  },
})
const responses = (name: string): Talk => ({
  path: '/v1/responses',
  body: {
    ...{
      model: 'lab/model',
      instructions: 'It is noon.',
      tools: toolsOf(0).map((tool) => ({ type: 'function', ...tool.function })),
    },
    input: [
      { role: 'user', content: `first of ${name}` },
      { role: 'assistant', content: 'Yes.' },
      { role: 'user', content: 'second' },
    ],
  },
})

/** Goes on with an answer and another question. */
function goOn({ path, body }: Talk): Talk {
  const [name, last] = path === '/v1/responses' ? ['input', 'content'] : ['messages', 'content']
  const list = body[name]
  const more = [
    { role: 'assistant', [last]: 'Yes.' },
    { role: 'user', [last]: 'and more' },
  ]
  return { path, body: { ...structuredClone(body), [name]: [...(Array.isArray(list) ? list : []), ...more] } }
}

/** Sets what stands at a path of a body. `undefined` removes it, and moves what follows. */
function plant(body: unknown, path: string, value: unknown): void {
  const names = path.split(/[.[\]]+/).filter((name) => name !== '')
  const last = names.pop() ?? ''
  const holder: unknown = names.reduce<unknown>((found, name) => Reflect.get(Object(found), name), body)
  if (value === undefined && Array.isArray(holder)) holder.splice(Number(last), 1)
  else Reflect.set(Object(holder), last, value)
}

const planted: readonly (readonly [Talk, path: string, value: unknown, named?: string])[] = [
  [chat('a changed schema'), 'tools[3].function.parameters', { type: 'object' }],
  [chat('a changed description'), 'tools[0].function.description', 'Reads.'],
  [chat('a lost tool'), 'tools[2]', undefined],
  [chat('a time in the system prompt'), 'messages[0].content', 'It is one.'],
  [chat('a changed first question'), 'messages[1].content', 'Another question.'],
  [chat('a changed call'), 'messages[2].tool_calls[0].function', { name: 'read', arguments: '{ }' }],
  [chat('a shortened result'), 'messages[3].content', '[cut]'],
  [chat('a dropped message'), 'messages[1]', undefined],
  [chat('a changed text'), 'messages[4].content[0].text', 'Done!'],
  [chat('another format of the answer'), 'response_format', { type: 'json_object' }, 'response_format'],
  [chat('another model'), 'model', 'lab/other'],
  [messages('a changed schema'), 'tools[1].input_schema', { type: 'object' }],
  [messages('a time in the system prompt'), 'system[1].text', 'It is one.'],
  [messages('a changed text'), 'messages[0].content[0].text', 'Another question.'],
  [responses('a changed schema'), 'tools[1].parameters', { type: 'object' }],
  [responses('a time in the instructions'), 'instructions', 'It is one.'],
  [responses('a changed answer'), 'input[1].content', 'No.'],
]

describe('a break of the cache', () => {
  const send = async ({ path, body }: Talk) => {
    const response = await fetch(gateway.url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
    const text = await response.text()
    if (!response.ok) throw new Error(text)
    return { named: response.headers.get('x-tributary-cache'), id: response.headers.get('x-request-id') ?? '' }
  }

  for (const [talk, path, value, named = path] of planted)
    test(`is named by its path: ${named} of ${talk.path}`, async () => {
      expect((await send(talk)).named).toBeNull()
      const second = goOn(talk)
      expect((await send(second)).named).toBeNull()
      const third = goOn(second)
      plant(third.body, path, value)
      const broken = await send(third)
      expect(broken.named).toBe(`broken at ${named}`)
      expect(gateway.linesOf(broken.id)).toMatchObject([{ cacheBrokenAt: named }])
      // what is new now stays as it is
      expect((await send(goOn(third))).named).toBeNull()
    })

  test('is named in a conversation of stored responses too', async () => {
    const { path, body } = responses('stored ones')
    let previous: Json = {}
    for (const [instructions, named] of [
      ['It is noon.', null],
      ['It is noon.', null],
      ['It is one.', 'broken at instructions'],
    ] as const) {
      const response = await fetch(gateway.url + path, {
        method: 'POST',
        body: JSON.stringify({ ...body, ...previous, instructions }),
        headers: { 'content-type': 'application/json' },
      })
      expect(response.headers.get('x-tributary-cache')).toBe(named)
      const answer: unknown = await response.json()
      previous = { previous_response_id: Reflect.get(Object(answer), 'id'), input: 'and more' }
    }
  })
})
