/** P23: panels, tested with the whole program over real sockets. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { emulateAi21 } from '../../src/providers/ai21/emulator/index.ts'
import { emulateCohere } from '../../src/providers/cohere/emulator/index.ts'
import { emulateMistral } from '../../src/providers/mistral/emulator/index.ts'
import { emulateOpenai, frame, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { measureBelow, until, untilStill, within } from '../waiting.ts'
import { helloWor, helloWorld, jsonHeaders } from './cell.ts'
import { answered, askRaw } from './client.ts'
import { type RunningGateway, startGateway, upstreamAt } from './gateway.ts'
import { cutAt, refused } from './scripts.ts'

const names = ['a', 'b', 'c', 'd', 'e'] as const
type Name = (typeof names)[number]
const secret = 'canary-0123456789'
const mebibyte = 2 ** 20

let emulator: OpenaiEmulator
let gateway: RunningGateway
/** This gateway gives up a silent member after 3 s. Only the tests with a silent member use it. */
let impatient: RunningGateway
/** The script of each member. A member without a script gives the emulator's own answer. */
const scripts = new Map<string, () => Script>()

beforeAll(async () => {
  emulator = await emulateOpenai({ models: [...names], reply: ({ model }) => scripts.get(model)?.() })
  impatient = startPanels(3_000)
})
afterAll(async () => {
  await impatient.close()
  await emulator.close()
})

/** Starts the program, which waits for a member for this number of milliseconds. */
function startPanels(ms: number): RunningGateway {
  return startGateway(
    {
      ...Object.assign({}, ...names.map((name) => upstreamAt(name, emulator.url, [secret]))),
      ROUTES: 'three = a/a + b/b + c/c; five = a/a + b/b + c/c + d/d + e/e',
    },
    (config) => ({ ...config, deadlines: { firstEventMs: ms, wholeMs: ms, idleMs: ms } }),
  )
}
afterEach(() => gateway.close())
beforeEach(async () => {
  scripts.clear()
  // its breaker has seen none of the members that other tests let fail
  gateway = startPanels(60_000)
  // connections are not reused, so that each test can count its own
  emulator.hangUp()
  await until(() => emulator.openConnections() === 0, 2_000, 'no connection is left')
})

interface AskOptions {
  readonly signal?: AbortSignal
  readonly from?: RunningGateway
}

function ask(model: string, more: object = {}, { signal, from = gateway }: AskOptions = {}): Promise<Response> {
  return fetch(`${from.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }], ...more }),
    ...(signal && { signal }),
  })
}

interface Told {
  readonly status: number
  readonly headers: Headers
  readonly body: string
  /** By choice. */
  readonly texts: readonly string[]
  readonly finishes: readonly string[]
  readonly usage: Usage | undefined
}

interface Usage {
  readonly total_tokens: number
  readonly estimated?: boolean
  readonly shares?: readonly { readonly title: string; readonly total_tokens: number; readonly estimated?: boolean }[]
}

interface Piece {
  readonly choices?: readonly {
    readonly index: number
    readonly delta?: { readonly content?: string | null }
    readonly message?: { readonly content?: string | null }
    readonly finish_reason?: string | null
  }[]
  readonly usage?: Usage | null
}

/** Asks and reads the answer to its end, as a stream or whole. */
async function askModel(model: string, more: object = {}, from = gateway): Promise<Told> {
  const response = await ask(model, more, { from })
  const body = await response.text()
  const { status, headers } = response
  const texts: string[] = []
  const finishes: string[] = []
  let usage: Usage | undefined
  for (const piece of answered({ status, headers }, body).chunks as readonly Piece[]) {
    if (piece.usage) usage = piece.usage
    for (const { index, delta, message, finish_reason } of piece.choices ?? []) {
      texts[index] = (texts[index] ?? '') + (delta?.content ?? message?.content ?? '')
      if (finish_reason) finishes[index] = (finishes[index] ?? '') + finish_reason
    }
  }
  return { status, headers, body, texts, finishes, usage }
}

const streamed = { stream: true, stream_options: { include_usage: true } }
const forms = [
  ['a stream', streamed],
  ['JSON', { stream: false }],
] as const
const said = 'You said: Hello'
const busy = () => refused(503, { message: `busy at http://internal.example/${secret}` })

function set(replies: Partial<Record<Name, () => Script>>): void {
  for (const [name, script] of Object.entries(replies)) scripts.set(name, script)
}

describe('one column', () => {
  for (const [form, more] of forms) {
    for (let mask = 1; mask < 8; mask++) {
      const goods = (['a', 'b', 'c'] as const).map((name, at) => ({ name, isGood: (mask & (1 << at)) !== 0 }))
      const good = goods.flatMap(({ name, isGood }) => (isGood ? [name] : []))
      test(`only ${good.join(', ')} of three answer, as ${form}`, async () => {
        for (const { name, isGood } of goods) if (!isGood) scripts.set(name, busy)
        const { status, texts, finishes, body, usage } = await askModel('three', more)
        const sections = goods.map(
          ({ name, isGood }) => `--- [${name} (${name})] ---\n${isGood ? said : 'Request failed: overloaded\n'}`,
        )
        expect({ status, texts, finishes }).toEqual({ status: 200, texts: [sections.join('\n')], finishes: ['stop'] })
        expect(body).not.toMatch(/canary|127\.0\.0\.1|internal\.example/)
        expect(usage?.shares?.map(({ title }) => title)).toEqual(good.map((name) => `${name} (${name})`))
        expect(usage?.total_tokens).toBe(good.length * 10)
        expect(usage?.estimated).toBeUndefined()
      })
    }

    test(`none of three answers: an error, as ${form}`, async () => {
      set({ a: busy, b: busy, c: busy })
      const { status, body } = await askModel('three', more)
      expect(status).toBe(503)
      expect(body).not.toMatch(/canary|\[DONE\]/)
      set({ b: () => refused(401, { message: secret }) })
      const mixed = await askModel('three', more)
      expect(mixed.status).toBe(502)
      expect(mixed.body).not.toMatch(/canary|internal\.example/)
    })
  }

  test('a member that breaks off keeps its text, and its tokens are estimated', async () => {
    set({ b: () => cutAt('C', 'fin') })
    const { texts, usage } = await askModel('three', streamed)
    expect(texts).toEqual([
      `--- [a (a)] ---\n${said}\n--- [b (b)] ---\n${helloWor}\nRequest failed: upstream-failed\n\n--- [c (c)] ---\n${said}`,
    ])
    expect(usage?.shares?.map(({ estimated }) => estimated)).toEqual([undefined, true, undefined])
    expect(usage?.estimated).toBe(true)
  })

  test('a hung member has its own deadline', async () => {
    set({ a: () => ({ framing: 'raw', ending: 'stall' }) })
    await measureBelow(6_000, 'milliseconds until the end', async () => {
      const startedAt = performance.now()
      const { texts } = await askModel('three', streamed, impatient)
      expect(texts).toEqual([
        `--- [a (a)] ---\nRequest failed: timeout\n\n--- [b (b)] ---\n${said}\n--- [c (c)] ---\n${said}`,
      ])
      return performance.now() - startedAt
    })
  })

  test('a slow member does not delay the text of the others, and the first column streams at once', async () => {
    const slow = () => ({ ...cutAt('C', 'stall'), headDelayMs: 500 })
    set({ b: slow, c: slow })
    const first = askRaw(gateway.url, 'three')
    await until(() => first.text().includes('Hello'), 20_000, 'the first column')
    expect(first.text()).not.toContain('--- [c (c)] ---')
    first.socket.destroy()
    set({ a: () => cutAt('A', 'stall'), b: () => cutAt('E', 'stall') })
    const second = askRaw(gateway.url, 'three')
    await until(() => second.text().includes('--- [a (a)] ---'), 20_000, 'the header of the first')
    expect(second.text()).not.toContain('Request failed')
    second.socket.destroy()
    await until(() => emulator.openConnections() === 0, 3_000, 'all is closed')
  })

  test('P23: of five one hangs, one is 500, one resets, two are good', async () => {
    set({
      a: () => ({ framing: 'raw', ending: 'stall' }),
      b: () => refused(500, { message: 'broken' }),
      c: () => cutAt('A', 'rst'),
    })
    const { status, texts, usage } = await askModel('five', streamed, impatient)
    expect(status).toBe(200)
    expect(texts[0]).toMatch(
      /^--- \[a \(a\)\] ---\nRequest failed: timeout\n\n--- \[b \(b\)\] ---\nRequest failed: [a-z-]+\n\n--- \[c \(c\)\] ---\nRequest failed: [a-z-]+\n\n--- \[d/,
    )
    expect(usage?.shares?.length).toBe(2)
    await until(() => emulator.openConnections() <= 2, 1_000, 'the losers are closed')
  })

  test('memory is bounded when a later column runs far ahead: its upstream pauses', async () => {
    let flooded = 0
    const event = frame({ choices: [{ index: 0, delta: { content: 'x'.repeat(16_384) } }] })
    set({
      a: () => cutAt('C', 'stall'),
      b: () => cutAt('E', 'fin'),
      c: () => ({
        body: (function* () {
          for (; flooded < 200 * mebibyte; flooded += event.length) yield event
        })(),
      }),
    })
    Bun.gc(true)
    const before = process.memoryUsage.rss()
    const client = askRaw(gateway.url, 'three')
    await until(() => client.text().includes('Hello'), 20_000, 'the first column')
    const paused = await untilStill(() => flooded, 200, 10_000)
    // the buffers of both sockets, which Linux lets grow to 32 and 4 MiB, and the bytes that are read ahead
    expect(paused).toBeLessThan(48 * mebibyte)
    Bun.gc(true)
    expect(process.memoryUsage.rss() - before).toBeLessThan(48 * mebibyte)
    client.socket.destroy()
    await until(() => emulator.openConnections() === 0, 3_000, 'all is closed')
  })
})

describe('a choice for each member', () => {
  for (const [form, more] of forms)
    test(`a failure is a choice too, as ${form}`, async () => {
      set({ b: busy })
      const { status, texts, finishes, usage, headers } = await askModel('three', { ...more, n: 3 })
      expect({ status, texts, finishes }).toEqual({
        status: 200,
        texts: [said, 'Request failed: overloaded\n', said],
        finishes: ['stop', 'stop', 'stop'],
      })
      expect(usage?.total_tokens).toBe(20)
      expect(headers.get('x-tributary-parameters')).toContain('n=emulated')
    })

  test('all choices stream at the same time', async () => {
    const stalled = () => cutAt('C', 'stall')
    set({ a: stalled, b: stalled, c: stalled })
    const response = await ask('three', { stream: true, n: 3 }, { signal: AbortSignal.timeout(60_000) })
    const seen = new Set<string>()
    const decoder = new TextDecoder()
    for await (const bytes of response.body ?? []) {
      for (const [, index] of decoder.decode(bytes).matchAll(/"index":(\d)/g)) seen.add(index ?? '')
      if (seen.size === 3) break
    }
    expect([...seen].sort()).toEqual(['0', '1', '2'])
    await until(() => emulator.openConnections() === 0, 3_000, 'all is closed')
  })
})

describe('refused before a member is asked', () => {
  const tools = [{ type: 'function', function: { name: 'f' } }]
  const refusals: readonly (readonly [string, object, string, string])[] = [
    ['an n that is not the number of members', { n: 2 }, 'invalid_request', 'n'],
    ['no user message', { messages: [{ role: 'system', content: 'Be kind.' }] }, 'invalid_request', 'messages'],
    ['tools in one column', { tools }, 'unsupported_parameter', 'tools'],
    [
      'a format in one column',
      { response_format: { type: 'json_object' } },
      'unsupported_parameter',
      'response_format',
    ],
  ]
  for (const [name, more, code, param] of refusals)
    for (const [form, shape] of forms)
      test(`${name}, as ${form}`, async () => {
        const before = emulator.chats.length
        const response = await ask('three', { ...shape, ...more })
        expect(response.status).toBe(400)
        expect(await response.json()).toMatchObject({ error: { code, param, type: 'invalid_request_error' } })
        expect(emulator.chats.length).toBe(before)
      })
})

describe('a client that leaves ends all members within 50 ms', () => {
  const windows = {
    'before their heads': () => cutAt('A', 'stall'),
    'before their first event': () => cutAt('B', 'stall'),
    'within their answers': () => cutAt('C', 'stall'),
  } as const satisfies Record<string, () => Script>
  for (const [window, script] of Object.entries(windows))
    for (const n of [1, 3])
      test(`${window}, n = ${n}`, async () => {
        set({ a: script, b: script, c: script })
        const before = { chats: emulator.chats.length, closed: emulator.closedAt.length }
        const controller = new AbortController()
        const response = ask('three', { stream: true, n }, { signal: controller.signal })
        response.catch(() => undefined)
        await until(() => emulator.chats.length === before.chats + 3, 20_000, 'all are asked')
        if (window.startsWith('within')) {
          const reader = (await response).body?.getReader()
          for (let text = ''; !text.includes('Hello'); )
            text += new TextDecoder().decode((await reader?.read())?.value ?? new Uint8Array())
        }
        controller.abort()
        await until(() => emulator.closedAt.length === before.closed + 3, 50, 'all are closed')
      })
})

test('the receipt has the worst treatment of each parameter, and the members that were asked', async () => {
  const { headers } = await askModel('three', { temperature: 1, top_k: 3 })
  expect(headers.get('x-tributary-parameters')).toContain('temperature=honoured')
  expect(headers.get('x-tributary-upstream')).toBe('a, b, c')
  expect(headers.get('x-tributary-attempts')).toBe('3')
})

describe('usage that no upstream counted', () => {
  const chunks = [frame({ choices: [{ index: 0, delta: { role: 'assistant', content: helloWorld } }] })]
  const stop = frame({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
  const whole = JSON.stringify({
    choices: [{ index: 0, message: { role: 'assistant', content: helloWorld }, finish_reason: 'stop' }],
  })
  const uncounted: Readonly<Record<string, Script>> = {
    'a stream': { body: [...chunks, stop, 'data: [DONE]\n\n'] },
    JSON: { headers: jsonHeaders, body: [whole] },
  }
  for (const [form, more] of forms)
    test(`is estimated and marked as an estimate, as ${form}`, async () => {
      set({ a: () => uncounted[form] ?? {} })
      const { texts, usage } = await askModel('a/a', more)
      expect(texts).toEqual([helloWorld])
      expect(usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 4, total_tokens: 11, estimated: true })
    })

  test('is in no chunk of a stream that did not ask for it', async () => {
    set({ a: () => uncounted['a stream'] ?? {} })
    expect((await askModel('a/a', { stream: true })).body).not.toContain('usage')
  })

  test('is in the log line of an answer that broke off', async () => {
    set({ a: () => cutAt('C', 'fin') })
    const response = await ask('a/a', { stream: true })
    expect(await response.text()).toContain('upstream_disconnected')
    const id = response.headers.get('x-request-id') ?? ''
    const isWritten = () => gateway.linesOf(id).some(({ msg }) => msg === 'chat')
    await until(isWritten, 20_000, 'the line')
    expect(gateway.linesOf(id)).toMatchObject([{ outcome: 'upstream_disconnected', inputTokens: 7, outputTokens: 3 }])
  })
})

describe('rawbot-omnibus', () => {
  const question = {
    model: 'rawbot-omnibus',
    messages: [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Hello' },
      { role: 'assistant', content: 'Hi' },
      { role: 'user', content: 'Hello' },
    ],
  }

  test('asks the three services, with the defaults of the original unless the client sets its own', async () => {
    const [cohere, ai21, mistral] = await Promise.all([
      emulateCohere({ models: ['command-r-08-2024'] }),
      emulateAi21(),
      emulateMistral(),
    ])
    const own = startGateway({
      COHERE_TOKEN: secret,
      COHERE_BASE_URL: cohere.origin,
      AI21_TOKEN: secret,
      AI21_BASE_URL: ai21.origin,
      MISTRAL_TOKEN: secret,
      MISTRAL_BASE_URL: mistral.origin,
    })
    const post = async (more: object) => {
      const init = { method: 'POST', body: JSON.stringify({ ...question, ...more }) }
      const response = await fetch(`${own.url}/v1/chat/completions`, init)
      const asked = [cohere, ai21, mistral].map(({ chats }) => chats.at(-1))
      return { answer: await response.json(), asked, headers: response.headers }
    }
    const plain = await post({})
    const sections = ['Cohere (command-r-08-2024)', 'AI21 Labs (jamba-mini)', 'Mistral (mistral-small-latest)'].map(
      (title) => `--- [${title}] ---\n${said}`,
    )
    expect(plain.answer).toMatchObject({
      model: 'rawbot-omnibus',
      choices: [{ message: { content: sections.join('\n') }, finish_reason: 'stop' }],
    })
    expect(plain.asked).toMatchObject(
      ['command-r-08-2024', 'jamba-mini', 'mistral-small-latest'].map((model) => ({
        model,
        temperature: 0.5,
        max_tokens: 200,
        messages: question.messages.map(({ role }) => ({ role })),
      })),
    )
    expect(plain.headers.get('x-tributary-parameters')).toBeNull()
    expect(plain.headers.get('x-tributary-upstream')).toBe('cohere, ai21, mistral')
    const chosen = await post({ temperature: 0, max_completion_tokens: 900, n: 3 })
    expect(chosen.asked).toMatchObject([1, 2, 3].map(() => ({ temperature: 0, max_tokens: 900 })))
    expect(chosen.answer).toMatchObject({ choices: [0, 1, 2].map((index) => ({ index, message: { content: said } })) })
    expect(chosen.headers.get('x-tributary-parameters')).toContain('n=emulated')
    await own.close()
    await Promise.all([cohere, ai21, mistral].map((service) => service.close()))
  })

  test('is listed first, with its members, if it has any', async () => {
    const own = startGateway(upstreamAt('ai21', emulator.url))
    expect(await (await fetch(`${own.url}/v1/models`)).json()).toMatchObject({
      data: [{ id: 'rawbot-omnibus', object: 'model', members: ['ai21/jamba-mini'] }, { id: 'ai21/ai21' }],
    })
    expect((await fetch(`${own.url}/v1/models/rawbot-omnibus`)).status).toBe(200)
    await own.close()
    const listed = await (await fetch(`${gateway.url}/v1/models`)).text()
    expect(listed).not.toContain('rawbot-omnibus')
    expect(listed).toContain('"three"')
  })
})

describe('invalid ROUTES end the start with 78 and a reason', () => {
  for (const [routes, why] of [
    ['p = up/a + > up/b', 'ROUTES has "> up/b" where a model or a route must stand, at column 12'],
    ['p = up/a + nobody/b', 'ROUTES has "nobody/b", but there is no upstream "nobody", at column 12'],
  ] as const)
    test(routes, async () => {
      const main = new URL('../../src/main.ts', import.meta.url).pathname
      const env = { PATH: process.env.PATH, PORT: '0', UPSTREAM_UP_URL: emulator.url, ROUTES: routes }
      for (const command of [[], ['check']]) {
        const child = Bun.spawn([process.execPath, main, ...command], { cwd: '/', env, stdout: 'pipe', stderr: 'pipe' })
        const [code, stderr] = await Promise.all([child.exited, child.stderr.text()])
        expect({ code, says: stderr.includes(why), names: stderr.includes('ROUTES') }).toEqual({
          code: 78,
          says: true,
          names: true,
        })
      }
    })
})

test('a shutdown ends a panel like any answer: with one error, not with failure lines of its members', async () => {
  const stopping = startGateway(
    {
      ...Object.assign({}, ...names.map((name) => upstreamAt(name, emulator.url))),
      ROUTES: 'three = a/a + b/b + c/c',
    },
    (config) => ({ ...config, shutdownGraceMs: 50 }),
  )
  const stalled = () => cutAt('C', 'stall')
  set({ a: stalled, b: stalled, c: stalled })
  const client = askRaw(stopping.url, 'three')
  await until(() => client.text().includes('Hello'), 20_000, 'the answer')
  await within(stopping.close(), 5_000, 'the stop')
  await within(client.closed, 1_000, 'the end')
  expect(client.text()).toContain('shutting_down')
  expect(client.text()).not.toMatch(/Request failed|\[DONE\]/)
})
