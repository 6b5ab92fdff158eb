/** P19, P27: more requests at once than the gateway may run, over real sockets. */
import { expect, test } from 'bun:test'
import { emulateOpenai, frame } from '../src/providers/openai-compatible/emulator/index.ts'
import { startChatServer } from './chaos/chat-server-rig.ts'
import { until } from './waiting.ts'

const delta = (content: string) => frame({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })
const end = [frame({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }), 'data: [DONE]\n\n']

test('P27: of 200 requests at once 20 run, 10 wait, and 170 are refused at once; all others are answered', async () => {
  const gate = Promise.withResolvers<void>()
  async function* body(): AsyncGenerator<string> {
    yield delta('Hello')
    await gate.promise
    yield* end
  }
  const upstream = await emulateOpenai({ reply: () => ({ body: body() }) })
  const limits = { MAX_STREAMS: '20', MAX_QUEUE: '10' }
  await using gateway = startChatServer({ UPSTREAM_LAB_URL: upstream.url, ...limits })
  const get = async (path: string) => {
    const response = await fetch(`${gateway.url}${path}`)
    return { status: response.status, body: await response.json() }
  }
  const done = { refused: 0, answered: 0 }
  const ask = async () => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'lab/gpt-test', stream: true, messages: [{ role: 'user', content: 'Hello' }] }),
    })
    if (response.status === 503) {
      expect(Number(response.headers.get('retry-after'))).toBeWithin(1, 6)
      expect(await response.json()).toMatchObject({ error: { code: 'overloaded' } })
      done.refused++
    } else if ((await response.text()).includes('[DONE]')) done.answered++
  }
  const asking = Array.from({ length: 200 }, ask)
  await until(() => done.refused === 170, 20_000, 'the refusals')
  expect(await get('/ready')).toMatchObject({ status: 503, body: { status: 'overloaded', load: 'calls' } })
  expect(await get('/health')).toMatchObject({ status: 200 })
  expect(await get('/admin/upstreams')).toMatchObject({ body: { calls: { running: 20, permits: 20, waiting: 10 } } })
  expect(upstream.openConnections()).toBe(20)
  gate.resolve()
  await Promise.all(asking)
  expect(done).toEqual({ refused: 170, answered: 30 })
  expect(await get('/ready')).toMatchObject({ status: 200, body: { status: 'ready', load: 'ok' } })
  await upstream.close()
})
