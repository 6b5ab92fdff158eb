/** `GET /admin/events`: what the console shows while it is open. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { emulateOpenai, type OpenaiEmulator } from '../src/providers/openai-compatible/emulator/index.ts'
import { errorIn, key, RawClient, startApp, type TestApp } from './attacks/rig.ts'
import { until, within } from './waiting.ts'

const longMs = 20_000
const clientKey = 'sk-client-0123456789abcdef'
const folder = mkdtempSync(join(tmpdir(), 'live-events-'))
afterAll(() => rmSync(folder, { recursive: true }))
const keysFile = join(folder, 'keys.json')
writeFileSync(keysFile, JSON.stringify({ keys: [{ name: 'bench', key: clientKey }] }), { mode: 0o600 })

let emulator: OpenaiEmulator
let app: TestApp
const start = (variables = {}) =>
  startApp({
    ...{ API_MASTER_KEY: key, API_KEYS_FILE: keysFile, KEEPALIVE_INTERVAL: '1' },
    ...{ UPSTREAM_LAB_URL: emulator.url, UPSTREAM_LAB_KEY: 'lab-key-0123456789', ...variables },
  })
beforeAll(async () => {
  emulator = await emulateOpenai({ models: ['one'] })
  app = start()
})
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await emulator.close()
})

interface SentEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

/** A page that listens. */
class Listener implements AsyncDisposable {
  readonly #leaving = new AbortController()
  readonly events: SentEvent[] = []
  comments = 0
  ended: Promise<void> = Promise.resolve()

  static async open(url: string, headers = auth): Promise<Listener> {
    const listener = new Listener()
    const response = await fetch(`${url}/admin/events`, { headers, signal: listener.#leaving.signal })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    listener.ended = listener.#read(response).catch(() => undefined)
    return listener
  }

  /** Waits for an event that came after those before, and is as wanted. */
  async next(event: string, isWanted: (data: SentEvent['data']) => boolean = () => true): Promise<SentEvent['data']> {
    const find = () => this.events.find((one) => one.event === event && isWanted(one.data))
    await until(() => find() !== undefined, longMs, event)
    const found = find()
    if (!found) throw new Error('it is gone')
    this.events.splice(0, this.events.indexOf(found) + 1)
    return found.data
  }

  async #read({ body }: Response): Promise<void> {
    let text = ''
    for await (const bytes of body ?? []) {
      text += Buffer.from(bytes).toString()
      const parts = text.split('\n\n')
      text = parts.pop() ?? ''
      for (const part of parts) this.#take(part)
    }
  }

  #take(part: string): void {
    const [, event = '', data = ''] = /^event: (.*)\ndata: (.*)$/.exec(part) ?? []
    if (part.startsWith(':')) this.comments++
    else this.events.push({ event, data: JSON.parse(data) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort()
    await this.ended
  }
}

const auth = { authorization: `Bearer ${key}` }

function ask(url: string, model: string, id: string): Promise<string> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...auth, 'content-type': 'application/json', 'x-request-id': id },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: id }] }),
  }).then((response) => response.text())
}

test('the overview comes at once, and is the same as that of GET /admin/overview', async () => {
  await using listener = await Listener.open(app.url)
  const { now: _, ...sent } = await listener.next('overview')
  const { now: __, ...shown } = JSON.parse(await (await fetch(`${app.url}/admin/overview`, { headers: auth })).text())
  expect(sent).toEqual(shown)
  expect(shown).toMatchObject({ needs: [], counts: { upstreams: 1, accounts: 1, tool_servers: 0, keys: 1 } })
})

test('a request comes when it has ended, as the list has it, and the overview counts it', async () => {
  await using listener = await Listener.open(app.url)
  const { last_hour: before } = await listener.next('overview')
  await ask(app.url, 'lab/one', 'seen-by-the-page')
  const request = await listener.next('request')
  const list: { data: object[] } = JSON.parse(
    await (await fetch(`${app.url}/admin/requests?limit=1`, { headers: auth })).text(),
  )
  expect(list.data).toEqual([request])
  expect(request.id).toBe('seen-by-the-page')
  const isCounted = (data: SentEvent['data']) => requestsIn(data.last_hour) === Number(requestsIn(before)) + 1
  await listener.next('overview', isCounted)
})

function requestsIn(hour: unknown): unknown {
  return typeof hour === 'object' && hour !== null && 'requests' in hour ? hour.requests : undefined
}

test('a page is told when an upstream has changed, and what needs somebody', async () => {
  const bad = { status: 401, headers: { 'content-type': 'application/json' }, body: ['{"error":{"message":"No."}}'] }
  await using other = start()
  await using listener = await Listener.open(other.url)
  await listener.next('overview')
  emulator.script(bad)
  await ask(other.url, 'lab/one', 'refused')
  expect(await listener.next('upstreams')).toEqual({})
  const { needs } = await listener.next('overview', ({ needs }) => Array.isArray(needs) && needs.length > 0)
  expect(needs).toMatchObject([{ kind: 'account_refused', upstream: 'lab', account: 'UPSTREAM_LAB_KEY' }])
})

test('a silent stream is kept alive', async () => {
  await using listener = await Listener.open(app.url)
  await until(() => listener.comments > 0, longMs, 'a comment')
})

test('only an admin may listen', async () => {
  const headers = { authorization: `Bearer ${clientKey}` }
  for (const path of ['/admin/events', '/admin/overview']) {
    const named = await fetch(app.url + path, { headers })
    expect([named.status, errorIn(await named.text()).code]).toEqual([403, 'admin_key_required'])
    expect((await fetch(app.url + path)).status).toBe(401)
  }
})

describe('the stream of an admin ends', () => {
  const admin = (line: string, body?: object) => {
    const [method = '', path = ''] = line.split(' ')
    const headers = { ...auth, 'content-type': 'application/json' }
    return fetch(app.url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  }
  for (const [name, lose] of [
    ['when its key is revoked', () => admin('DELETE /admin/keys/passing')],
    ['when its key becomes a user’s', () => admin('PATCH /admin/keys/passing', { role: 'user' })],
  ] as const)
    test(name, async () => {
      const made: { key: string } = JSON.parse(
        await (await admin('POST /admin/keys', { name: 'passing', role: 'admin' })).text(),
      )
      await using listener = await Listener.open(app.url, { authorization: `Bearer ${made.key}` })
      await using other = await Listener.open(app.url)
      await listener.next('overview')
      expect((await lose()).status).toBe(200)
      await within(listener.ended, longMs, 'the end of the stream')
      await admin('DELETE /admin/keys/passing')
      await ask(app.url, 'lab/one', 'after-the-key')
      await other.next('request', ({ id }) => id === 'after-the-key')
      expect(listener.events.filter(({ data }) => data.id === 'after-the-key')).toEqual([])
    })
})

test('more pages than the limit are refused, and a page that leaves makes room', async () => {
  await using other = start()
  await using all = new AsyncDisposableStack()
  const listeners = await Promise.all(Array.from({ length: 20 }, () => Listener.open(other.url)))
  for (const listener of listeners) all.use(listener)
  const refused = await fetch(`${other.url}/admin/events`, { headers: auth })
  expect([refused.status, errorIn(await refused.text()).code]).toEqual([503, 'too_many_listeners'])
  await listeners[0]?.[Symbol.asyncDispose]()
  const comeBack = async () => {
    const response = await fetch(`${other.url}/admin/events`, { headers: auth })
    await response.body?.cancel()
    return response.status === 200
  }
  await until(comeBack, longMs, 'there is room again')
})

describe('at a shutdown', () => {
  test('the streams end at once, although the grace period is long', async () => {
    const other = start({ SHUTDOWN_GRACE: '3600' })
    await using listener = await Listener.open(other.url)
    await listener.next('overview')
    await within(other.app.close(), longMs, 'the end')
    await within(listener.ended, longMs, 'the end of the stream')
  })

  test('a page that reads nothing does not hold it up', async () => {
    const other = start()
    using stuck = new RawClient(other.url)
    await stuck.send(`GET /admin/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n\r\n`)
    await stuck.text('event: overview')
    await within(other.app.close(), longMs, 'the end')
  })
})
