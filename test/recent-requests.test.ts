/** The operator sees the last requests, and no text of any of them. */
import { afterAll, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { startGateway } from './chaos/gateway.ts'
import { startCachingService } from './prefix-cache.ts'

const service = startCachingService()
const gateway = startGateway({
  UPSTREAM_LAB_URL: `${service.url}/v1`,
  UPSTREAM_LAB_KEY: 'key-one',
  UPSTREAM_LAB_MODELS: 'model',
  API_MASTER_KEY: 'master-key-of-this-test',
})
afterAll(async () => {
  await gateway.close()
  await service.close()
})

const authorization = 'Bearer master-key-of-this-test'

const Listed = z.looseObject({ id: z.string() })
type Listed = z.infer<typeof Listed>
const List = z.object({ data: z.array(Listed) })

async function list(query = ''): Promise<readonly Listed[]> {
  const response = await fetch(`${gateway.url}/admin/requests${query}`, { headers: { authorization } })
  expect(response.status).toBe(200)
  return List.parse(await response.json()).data
}

async function details(id: string): Promise<unknown> {
  const response = await fetch(`${gateway.url}/admin/requests/${encodeURIComponent(id)}`, {
    headers: { authorization },
  })
  return await response.json()
}

async function ask(id: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json', 'x-request-id': id, ...headers },
    body: JSON.stringify({ model: 'lab/model', ...body }),
  })
  await response.text()
  return response
}

const secretText = 'a text that nobody else may see '.repeat(100)
const messages = [
  { role: 'system', content: secretText },
  { role: 'user', content: 'hello' },
]

describe('the list of the last requests', () => {
  test('has what is known of a request, and no text of it', async () => {
    await ask('first', { messages, temperature: 0.5 }, { 'x-tributary-hops': '2' })
    const [newest] = await list()
    expect(newest).toMatchObject({
      ...{ id: 'first', key: expect.any(String), task: 'chat', model: 'lab/model', upstream: 'lab' },
      ...{ account: 'UPSTREAM_LAB_KEY', outcome: 'ok', attempts: 1, first_event_ms: expect.any(Number) },
      ...{ input_tokens: expect.any(Number), cached_tokens: 0, output_tokens: 2, cache_broken_at: null },
    })
    expect(Date.parse(String(newest?.time))).toBeGreaterThan(1.7e12)
    const found = await details('first')
    expect(found).toMatchObject({ ...newest, hops: 2, parameters: { temperature: 'honoured' }, lost: [], tools: [] })
    expect(JSON.stringify([newest, found])).not.toContain('nobody else')
  })

  test('adds up what the cache of a conversation gave, and how often it was broken', async () => {
    const said = [...messages, { role: 'assistant', content: 'Yes.' }, { role: 'user', content: 'and more' }]
    await ask('second', { messages: said })
    const [system, ...others] = said
    const now = { ...system, content: `It is noon. ${secretText}` }
    const more = [
      { role: 'assistant', content: 'Yes.' },
      { role: 'user', content: 'still more' },
    ]
    await ask('third', { messages: [now, ...others, ...more] })
    const [third, second] = await list('?limit=2')
    expect([third?.cache_broken_at, third?.cached_tokens]).toEqual(['messages[0].content', 0])
    expect(second?.cached_tokens).toBeGreaterThan(500)
    const { conversation } = Listed.parse(await details('third'))
    const sum = (name: string) => [...[third, second]].reduce((total, request) => total + Number(request?.[name]), 0)
    expect(conversation).toMatchObject({ requests: 3, cache_breaks: 1, cached_tokens: sum('cached_tokens') })
    expect(await details('second')).toMatchObject({ conversation })
  })

  test('can be narrowed, and has failures too', async () => {
    service.failNext('key-one', 400)
    expect((await ask('refused', { messages })).status).toBe(400)
    expect((await ask('unknown', { messages, model: 'lab/none' })).status).toBe(404)
    expect((await list('?outcome=failed')).map(({ id }) => id)).toEqual(['unknown', 'refused'])
    expect((await list('?outcome=model_not_found&model=lab%2Fnone')).map(({ id }) => id)).toEqual(['unknown'])
    expect((await list('?upstream=lab&outcome=ok&limit=1')).map(({ id }) => id)).toEqual(['third'])
    expect(await list('?key=nobody')).toEqual([])
    expect(await list('?upstream=la')).toEqual([])
  })

  test('refuses a limit that makes no sense, and an unknown id', async () => {
    for (const limit of ['0', '-1', '1001', 'all', '1e3']) {
      const response = await fetch(`${gateway.url}/admin/requests?limit=${limit}`, { headers: { authorization } })
      expect(response.status).toBe(400)
      expect(await response.text()).toContain('from 1 to 1000')
    }
    expect(JSON.stringify(await details('never'))).toContain('There is no such request')
  })

  test('is for admins only', async () => {
    expect((await fetch(`${gateway.url}/admin/requests`)).status).toBe(401)
  })
})
