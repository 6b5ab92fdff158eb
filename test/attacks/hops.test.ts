import { afterAll, expect, test } from 'bun:test'
import { parsedEvents, post } from '../chaos/chat-server-client.ts'
import { startApp } from './rig.ts'

// A gateway that is its own upstream, through a server that passes everything on.

let passed = 0
let target = ''
const between = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: async (request) => {
    passed++
    return fetch(`${target}${new URL(request.url).pathname}`, {
      method: request.method,
      headers: request.headers,
      body: await request.text(),
    })
  },
})
const gateway = startApp({ UPSTREAM_SELF_URL: `${between.url.href}v1`, UPSTREAM_SELF_MODELS: 'm' })
target = gateway.url
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await between.stop(true)
})

const complete = (headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'To and fro.' }] }),
  })

test('item 26: a request passes at most four gateways', async () => {
  passed = 0
  const refused = await complete()
  expect([refused.status, await refused.json()]).toMatchObject([400, { error: { code: 'too_many_hops' } }])
  expect(passed).toBe(4)
})

test('a request to the chat server passes at most four gateways too', async () => {
  passed = 0
  const refused = await post(gateway.url, {
    session_id: 'hops',
    content: 'To and fro.',
    model_config: { model_name: 'm' },
  })
  const text = await refused.text()
  expect(refused.status === 400 ? text : parsedEvents(text)).toContain('too_many_hops')
  expect(passed).toBe(4)
})

test('an invalid count is ignored, and a valid count is used', async () => {
  for (const [hops, passes] of [
    ['3', 1],
    ['4', 0],
    ['999999999', 0],
    ['-1', 4],
    ['1, 9', 4],
    ['x', 4],
  ] as const) {
    passed = 0
    expect((await complete({ 'x-tributary-hops': hops })).status).toBe(400)
    expect([hops, passed]).toEqual([hops, passes])
  }
})
