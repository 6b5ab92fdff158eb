import { afterAll, beforeAll, expect, test } from 'bun:test'
import { z } from 'zod'
import { until } from '../waiting.ts'
import { key, startApp, type TestApp } from './rig.ts'

// What is kept of a response, and for whom.

const other = 'sk-other-0123456789abcdef'
const headersOf = (apiKey = key) => ({ authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' })

let app: TestApp
beforeAll(() => {
  app = startApp({ API_MASTER_KEY: `${key},${other}` })
})
afterAll(() => app[Symbol.asyncDispose]())

const create = (body: object, init: RequestInit = {}) =>
  fetch(`${app.url}/v1/responses`, {
    method: 'POST',
    headers: headersOf(),
    body: JSON.stringify({ model: 'demo/echo', ...body }),
    ...init,
  })
const Item = z.looseObject({ id: z.string() })
const Created = z.looseObject({ id: z.string(), output: z.tuple([Item]), text: z.unknown() })
const created = async (body: object, init?: RequestInit) => Created.parse(await (await create(body, init)).json())
const get = (path: string, apiKey = key) => fetch(`${app.url}/v1/responses/${path}`, { headers: headersOf(apiKey) })

test('the response of a client that left is not kept', async () => {
  const reader = (await create({ input: 'hi', stream: true })).body?.getReader()
  const begun = new TextDecoder().decode((await reader?.read())?.value)
  const id = /resp_\w+/.exec(begun)?.[0] ?? ''
  await reader?.cancel()
  await until(() => app.lines.some((line) => line.includes('"outcome":"client_')), 5_000, 'a log line')
  expect((await get(id)).status).toBe(404)
})

test('every input item is listed under an id, also if the client sent none or null', async () => {
  const items = [
    { role: 'user', content: 'one' },
    { id: null, role: 'user', content: 'two' },
    { id: 'own', role: 'user', content: 'three' },
  ]
  const { id } = await created({ input: items })
  const page = z.object({ data: z.array(Item), first_id: z.string() })
  const { data, first_id } = page.parse(await (await get(`${id}/input_items?order=asc`)).json())
  expect(data.map((item) => item.id)).toEqual([first_id, expect.stringMatching(/^in_\w+$/), 'own'])
})

test('a page after an unknown item is refused, and does not begin again', async () => {
  const { id } = await created({ input: 'hi' })
  expect((await get(`${id}/input_items?after=gone`)).status).toBe(400)
})

test('a deleted response and its items are gone', async () => {
  const { id, output } = await created({ input: 'hi' })
  const reference = {
    input: [
      { type: 'item_reference', id: output[0].id },
      { role: 'user', content: 'and?' },
    ],
  }
  expect((await create(reference)).status).toBe(200)
  await fetch(`${app.url}/v1/responses/${id}`, { method: 'DELETE', headers: headersOf() })
  expect((await get(id)).status).toBe(404)
  expect(await (await create(reference)).json()).toMatchObject({ error: { param: 'input[0]' } })
})

test('two requests of one id have different responses', async () => {
  const headers = { ...headersOf(), 'x-request-id': 'chosen' }
  const ids = await Promise.all(['one', 'two'].map(async (input) => (await created({ input }, { headers })).id))
  expect(new Set(ids).size).toBe(2)
})

test('another client finds neither a response nor its items', async () => {
  const { id, output } = await created({ input: 'hi' })
  expect((await get(id, other)).status).toBe(404)
  expect((await get(`${id}/input_items`, other)).status).toBe(404)
  const headers = headersOf(other)
  expect((await create({ input: 'and?', previous_response_id: id }, { headers })).status).toBe(400)
  expect((await create({ input: [{ id: output[0].id }] }, { headers })).status).toBe(400)
})

test('a response before it that is not named by a text is refused, and not forgotten', async () => {
  const refused = await create({ input: 'hi', previous_response_id: { id: 'resp_1' } })
  expect(await refused.json()).toMatchObject({ error: { param: 'previous_response_id' } })
})

test('a response has every setting, also if the client sent null or something odd', async () => {
  const response = await created({ input: 'hi', text: { format: null, verbosity: 'low' }, reasoning: null })
  expect(response.text).toEqual({ format: { type: 'text' }, verbosity: 'low' })
})
