/** An upstream that dies and comes back, with the whole program and real sockets. */
import { afterEach, expect, setDefaultTimeout, test } from 'bun:test'
import { z } from 'zod'
import { findServer } from '../src/commands/running-server.ts'
import { readConfig } from '../src/config/config.ts'
import { machine } from '../src/wire/machine.double.ts'
import { startGateway } from './chaos/gateway.ts'
import { until } from './waiting.ts'

setDefaultTimeout(30_000)

const open: { close(): unknown }[] = []
afterEach(() => Promise.all(open.splice(0).map((one) => one.close())))

const answer = () =>
  Response.json({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
  })
const overloaded = () => Response.json({}, { status: 503 })

/** A service on a port of its own, which can be stopped and started again. Without `lists` it is silent when it is asked for its models. */
function service({ lists = true } = {}) {
  const paths: string[] = []
  let says = answer
  const serve = (port = 0) =>
    Bun.serve({
      port,
      hostname: '127.0.0.1',
      fetch(request) {
        const { pathname } = new URL(request.url)
        paths.push(pathname)
        if (pathname !== '/v1/models') return says()
        return lists ? Response.json({ data: [{ id: 'm' }] }) : new Promise<Response>(() => undefined)
      },
    })
  let server = serve()
  const port = server.port ?? 0
  open.push({ close: () => server.stop(true) })
  return {
    url: `http://127.0.0.1:${port}/v1`,
    /** The paths that were asked for, since the last time. */
    asked: () => paths.splice(0),
    answers(to: typeof answer) {
      says = to
    },
    stop: () => server.stop(true),
    start() {
      server = serve(port)
    },
  }
}

function start(variables: Readonly<Record<string, string>>) {
  const gateway = startGateway(variables)
  open.push(gateway)
  const get = async (path: string): Promise<unknown> => (await fetch(gateway.url + path)).json()
  return {
    gateway,
    ask: (model: string) =>
      fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] }),
      }),
    async breaker() {
      const shape = z.object({ data: z.array(z.looseObject({ breaker: z.looseObject({ state: z.string() }) })) })
      return shape.parse(await get('/admin/upstreams')).data[0]?.breaker
    },
    ready: () => get('/ready'),
  }
}

test('P20: an upstream that dies is refused at once, and found in the background when it is back', async () => {
  const lab = service()
  const { gateway, ask, breaker, ready } = start({ UPSTREAM_LAB_URL: lab.url, UPSTREAM_LAB_MODELS: 'm,other' })
  expect((await ask('lab/m')).status).toBe(200)
  await lab.stop()
  for (let call = 0; (await breaker())?.state !== 'ejected'; call++) {
    expect(call).toBeLessThan(6)
    expect((await ask('lab/m')).status).toBe(502)
  }
  // all of its models, without an attempt
  const refused = await ask('lab/other')
  expect(refused.status).toBe(503)
  expect(await refused.json()).toMatchObject({
    error: { type: 'service_unavailable_error', code: 'upstream_unavailable' },
  })
  expect(Number(refused.headers.get('retry-after'))).toBeWithin(20, 31)
  expect(refused.headers.get('x-tributary-attempts')).toBeNull()
  expect(await ready()).toMatchObject({ status: 'degraded', upstreams: 'failing' })
  const config = readConfig({ PORT: new URL(gateway.url).port }, false)
  if ('problems' in config) throw new Error('invalid')
  expect(await findServer(config, machine)).toMatchObject({ upstreams: [{ name: 'lab', ejected: ['lab'] }] })
  lab.asked()
  lab.start()
  await until(async () => (await breaker())?.state === 'good', 10_000, 'the end of the ejection')
  expect(lab.asked()).toEqual(['/v1/models'])
  expect([(await ask('lab/m')).status, (await ask('lab/other')).status]).toEqual([200, 200])
  expect(await ready()).toMatchObject({ status: 'ready', upstreams: 'ok' })
})

test('P20: a model that fails is refused alone, and a test by the operator ends that at once', async () => {
  const lab = service({ lists: false })
  const { gateway, ask, breaker } = start({ UPSTREAM_LAB_URL: lab.url, UPSTREAM_LAB_MODELS: 'm,other' })
  lab.answers(overloaded)
  for (let call = 0; call < 5; call++) await ask('lab/m')
  expect(await breaker()).toMatchObject({ state: 'good', models: [{ model: 'm', state: 'ejected' }] })
  lab.answers(answer)
  expect((await ask('lab/other')).status).toBe(200)
  const refused = await Promise.all(Array.from({ length: 20 }, () => ask('lab/m')))
  expect(refused.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 503))
  await fetch(`${gateway.url}/admin/upstreams/lab/test`, { method: 'POST' })
  expect((await ask('lab/m')).status).toBe(200)
})
