/** GET /admin/upstreams shows what an upstream has sent otherwise than its adapter knows it, from the operator's own traffic. */
import { afterAll, expect, test } from 'bun:test'
import { z } from 'zod'
import { readConfig } from '../../src/config/config.ts'
import { providers } from '../../src/providers/index.ts'
import { emulateOpenai, frame } from '../../src/providers/openai-compatible/emulator/index.ts'
import { startApp, type TestApp } from '../attacks/rig.ts'

const upstream = await emulateOpenai({ models: ['one'] })
afterAll(() => upstream.close())

const canary = 'words of a person 77c1'
const Shown = z.object({
  data: z.array(
    z.object({
      name: z.string(),
      drift: z.array(
        z.strictObject({
          id: z.string(),
          kind: z.string(),
          where: z.string(),
          shape: z.string(),
          count: z.int(),
          first_at: z.iso.datetime(),
          last_at: z.iso.datetime(),
          request: z.string().nullable(),
        }),
      ),
    }),
  ),
})

const variables = { UPSTREAM_A_URL: upstream.url, UPSTREAM_B_URL: upstream.url }
const start = () => startApp(variables, { read: () => readConfig({ PORT: '0', ...variables, MAX_QUEUE: '9' }, false) })
const driftOf = async ({ url }: TestApp, name = 'a') =>
  Shown.parse(await (await fetch(`${url}/admin/upstreams`)).json()).data.find((one) => one.name === name)?.drift ?? []
const forget = (app: TestApp, name: string) => fetch(`${app.url}/admin/upstreams/${name}/drift`, { method: 'DELETE' })

const chunk = (choice: object) => frame({ choices: [{ index: 0, finish_reason: null, ...choice }] })
const end = [chunk({ delta: { content: 'Hello' } }), chunk({ delta: {}, finish_reason: 'stop' }), 'data: [DONE]\n\n']

/** Asks while the upstream answers with these frames. @returns the id of the request */
async function ask({ url }: TestApp, frames: readonly string[], id: string): Promise<string> {
  upstream.script({ body: [...frames, ...end] })
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': id },
    body: JSON.stringify({ model: 'a/one', stream: true, messages: [{ role: 'user', content: canary }] }),
  })
  expect(await response.text()).toContain('[DONE]')
  return response.headers.get('x-request-id') ?? ''
}

test('each difference is there once, with its count, its shape and its last request, and is forgotten when that is asked', async () => {
  await using app = start()
  expect(await driftOf(app)).toEqual([])
  const hologram = chunk({ delta: { hologram: { words: canary, at: 7 } } })
  const first = await ask(app, [hologram, hologram], 'r1')
  const second = await ask(app, [hologram, chunk({ delta: { reasoning_content: [canary] } })], 'r2')
  expect(first).not.toBe(second)
  const drift = await driftOf(app)
  expect(drift).toMatchObject([
    { kind: 'wrong_type', where: 'delta: reasoning_content', count: 1, request: second },
    {
      kind: 'unknown_event',
      where: 'delta.hologram',
      shape: '{"hologram": {"words": string, "at": number}}',
      count: 2,
      request: second,
    },
  ])
  expect(new Set(drift.map(({ id }) => id)).size).toBe(2)
  expect(await driftOf(app, 'b')).toEqual([])

  expect(app.app.configuration.reload().changed).toContain('MAX_QUEUE')
  expect((await driftOf(app)).length).toBe(2)

  expect(await (await forget(app, 'a')).json()).toEqual({ upstream: 'a', forgotten: 2 })
  expect(await driftOf(app)).toEqual([])
  expect((await forget(app, 'none')).status).toBe(404)
})

test('the log names it once, without words', async () => {
  await using app = start()
  const said = app.lines.length
  for (let at = 0; at < 3; at++) await ask(app, [chunk({ delta: { hologram: canary } })], `l${at}`)
  const lines = app.lines.slice(said).filter((line) => line.includes('its adapter does not know'))
  expect(lines.map((line) => z.looseObject({ where: z.string() }).parse(JSON.parse(line)).where)).toEqual([
    'delta.hologram',
  ])
  expect(lines.join('')).not.toContain('person')
})

test('of very many differences the last are kept', async () => {
  await using app = start()
  for (let at = 0; at < 12; at++) {
    const names = Array.from({ length: 8 }, (_, n) => `m${String.fromCharCode(97 + at, 97 + n)}`)
    await ask(
      app,
      names.map((name) => chunk({ delta: { [name]: 'x' } })),
      `m${at}`,
    )
  }
  const drift = await driftOf(app)
  expect([drift.length, drift[0]?.where, drift.at(-1)?.where]).toEqual([32, 'delta.mlh', 'delta.mia'])
})

test('no answer of the demo, with and without a stream and a tool, raises an alarm', async () => {
  const emulated = await Promise.all(providers.map((provider) => provider.emulate()))
  const services = Object.fromEntries(emulated.flatMap((service) => Object.entries(service.variables)))
  await using app = startApp(services)
  const { data } = z
    .object({ data: z.array(z.object({ id: z.string(), kind: z.string().optional() })) })
    .parse(await (await fetch(`${app.url}/v1/models`)).json())
  const byUpstream = Map.groupBy(data, ({ id }) => id.split('/')[0] ?? '')
  const tool = { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } }
  const asks = [...byUpstream.values()].flatMap(([first]) =>
    [true, false].flatMap((stream) => [
      { model: first?.id, stream, messages: [{ role: 'user', content: 'Hello' }] },
      { model: first?.id, stream, tools: [tool], messages: [{ role: 'user', content: 'Call weather' }] },
    ]),
  )
  const statuses = await Promise.all(
    asks.map(async (body) => {
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`${app.url}/v1/chat/completions`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      await response.text()
      return response.status
    }),
  )
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(byUpstream.size)
  const shown = Shown.parse(await (await fetch(`${app.url}/admin/upstreams`)).json())
  expect(shown.data.length).toBeGreaterThan(6)
  expect(shown.data.filter(({ drift }) => drift.length > 0)).toEqual([])
  await Promise.all(emulated.map((service) => service.close()))
})
