import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { frame } from '../../src/providers/openai-compatible/emulator/index.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { emulateHttp, type HttpEmulator } from '../../src/wire/emulator/http.ts'
import { play, type Script } from '../../src/wire/emulator/script.ts'
import { machine } from '../../src/wire/machine.double.ts'
import { askRaw, post, RawClient, startApp, type TestApp } from './rig.ts'
import { formsOf } from './secret-forms.ts'

// reliability: P17 in section 1 with the whole program, items 34 and 35 in section 4. Law 7 tests the same for each upstream.

/** Secrets that appear nowhere else. They have characters that URLs and JSON escape. */
const clientKey = 'client/canary+7f3a"\\91c4e7'
const otherKey = 'other-canary-5b2d90c1aa47'
const upstreamKey = 'upstream/canary+2e8d"\\40b7f1'
const secondKey = 'second-canary-63e1f09b27dd'
const secrets = [clientKey, otherKey, upstreamKey, secondKey]

function expectNoSecret(texts: readonly string[]): void {
  for (const form of secrets.flatMap(formsOf)) for (const text of texts) expect(text).not.toContain(form)
}

const answered: Script = {
  headers: { 'content-type': 'application/json' },
  body: ['{"choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}'],
}
/** The upstream's answer to every request. */
let script = answered
let upstream: HttpEmulator
let app: TestApp
beforeAll(async () => {
  upstream = await emulateHttp((exchange) => play(exchange, script))
  app = start()
})

function start(): TestApp {
  return startApp({
    API_MASTER_KEY: `${clientKey},${otherKey}`,
    OPENAI_BASE_URL: `${upstream.origin}/v1`,
    OPENAI_API_KEY_1: upstreamKey,
    OPENAI_API_KEY_2: secondKey,
    OPENAI_MODELS: 'gpt-test',
  })
}

afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await upstream.close()
})

const said = { model: 'gpt-test', messages: [{ role: 'user', content: 'Hello' }] }
const json = { 'content-type': 'application/json' }

/** Sends a chat as a stream and whole. @returns everything that the client got and everything that was logged */
async function everythingOf(answer: Script, body: object = said): Promise<{ client: string[]; log: string[] }> {
  // an upstream that has failed several times, or whose accounts rest, would not be asked
  await app[Symbol.asyncDispose]()
  app = start()
  script = answer
  const client: string[] = []
  for (const stream of [false, true]) {
    const response = await post(app.url, JSON.stringify({ ...body, stream }), { authorization: `Bearer ${clientKey}` })
    client.push(JSON.stringify([...response.headers]), await response.text().catch(String))
  }
  return { client, log: [...app.lines] }
}

describe("P17: an upstream that reveals the gateway's key", () => {
  const spelled: readonly (readonly [string, (secret: string) => string])[] = [
    ['as it is', (secret) => secret],
    ['URL-encoded', encodeURIComponent],
    ['in base64', btoa],
    ['in base64 with a user', (secret) => btoa(`user:${secret}`)],
    ['JSON-escaped', (secret) => JSON.stringify(secret)],
    ['in a header', (secret) => `authorization: Bearer ${secret}`],
    ['where the message is cut short', (secret) => `${'x'.repeat(260)}${secret}`],
    ['where the code is cut short', (secret) => `${'x'.repeat(88)}${secret}`],
    ['where the field is cut short', (secret) => `${'x'.repeat(188)}${secret}`],
    ['over and over', (secret) => `${secret}${secret} ${secret}`.repeat(5)],
  ]
  for (const status of [400, 401, 403, 404, 422, 429, 500, 503]) {
    for (const [how, spell] of spelled) {
      test(`in an error ${status}, ${how}`, async () => {
        for (const secret of [upstreamKey, secondKey]) {
          const text = spell(secret)
          const error = { message: `Incorrect API key provided: ${text}`, type: text, param: text, code: text }
          const { client, log } = await everythingOf({ status, headers: json, body: [JSON.stringify({ error })] })
          expectNoSecret([...client, ...log])
        }
      })
    }
  }

  const others: readonly (readonly [string, Script])[] = [
    [
      'in an error within a 200',
      { headers: json, body: [JSON.stringify({ error: { message: upstreamKey, code: upstreamKey } })] },
    ],
    [
      'in an error within a stream',
      {
        body: [
          frame({ choices: [{ index: 0, delta: { content: 'a' } }] }),
          frame({ error: { message: upstreamKey, code: upstreamKey } }),
        ],
      },
    ],
    ['in an error that is text', { status: 500, headers: { 'content-type': 'text/plain' }, body: [upstreamKey] }],
    ['in a web page', { status: 500, headers: { 'content-type': 'text/html' }, body: [`<html>${upstreamKey}</html>`] }],
    ['in a redirect', { status: 302, headers: { location: `http://127.0.0.1:1/?key=${upstreamKey}` } }],
    [
      'in a header',
      { status: 400, headers: { ...json, 'x-key': upstreamKey, 'x-request-id': upstreamKey }, body: ['{}'] },
    ],
    ['in invalid JSON', { headers: json, body: [`{"choices": ${upstreamKey}`] }],
    ['in an invalid frame', { body: [`data: ${upstreamKey}\n\n`] }],
    [
      'before it resets the connection',
      { body: [`data: {"choices": [{"delta": {"content": "${secondKey}`], ending: 'rst' },
    ],
  ]
  for (const [how, answer] of others) {
    test(how, async () => {
      const { client, log } = await everythingOf(answer)
      expectNoSecret([...client, ...log])
    })
  }
})

describe("P17: a client's key", () => {
  const ask = (headers: string, path = '/v1/models') =>
    askRaw(app.url, `GET ${path} HTTP/1.1\r\nHost: gateway\r\n${headers}\r\n\r\n`)

  test('appears in no answer and no log line, wherever it is sent', async () => {
    app.lines.length = 0
    const encoded = encodeURIComponent(clientKey)
    const replies = [
      await ask(`Authorization: Bearer ${clientKey}`),
      await ask(`Authorization: Bearer ${clientKey}x`),
      await ask(`Authorization: ${clientKey}`),
      await ask(`Authorization: Basic ${btoa(`user:${clientKey}`)}`),
      await ask(`Cookie: key=${otherKey}`),
      await ask('X-A: b', `/v1/models?key=${encoded}`),
      await ask('X-A: b', `/v1/models/${otherKey}`),
      await ask(`Authorization: Bearer ${otherKey}`, `/v1/models/${otherKey}`),
      await ask(`Authorization: Bearer ${otherKey}`, `/${'x'.repeat(180)}${otherKey}`),
      await ask(`Authorization: Bearer ${otherKey}\r\nOrigin: https://${otherKey}.example`),
    ]
    expectNoSecret([...replies.map(({ headers, body }) => JSON.stringify([...headers]) + body), ...app.lines])
  })

  test('comes back as a request id, because a refusal would reveal that the key exists; but it is in no log line', async () => {
    app.lines.length = 0
    expect((await ask(`X-Request-Id: ${otherKey}`, '/health')).headers.get('x-request-id')).toBe(otherKey)
    expect(app.lines.length).toBeGreaterThan(0)
    expectNoSecret(app.lines)
  })

  test('appears in no answer and no log line if it is sent in the body', async () => {
    const model = `${'x'.repeat(180)}${otherKey}`
    for (const body of [
      { ...said, model: otherKey },
      { ...said, model },
      { ...said, user: otherKey, metadata: { [otherKey]: otherKey }, [otherKey]: 1 },
      { ...said, temperature: otherKey },
      { ...said, tool_choice: otherKey },
      { ...said, messages: [{ role: otherKey, content: 'a' }] },
      { ...said, messages: [{ role: 'user', content: [{ type: otherKey, [otherKey]: 1 }] }] },
    ]) {
      const { log } = await everythingOf(answered, body)
      expectNoSecret(log)
    }
  })
})

describe('a prompt and its answer', () => {
  const prompt = 'the-prompt-canary'
  const answer = 'the-answer-canary'
  const asked = { ...said, messages: [{ role: 'user', content: prompt }] }
  const chunk = frame({ choices: [{ index: 0, delta: { content: answer } }] })
  const error = { message: `cannot answer ${prompt}`, type: prompt, param: prompt, code: prompt }

  /** Failures of an upstream that quote the prompt. */
  const endings: readonly (readonly [string, Script])[] = [
    ['well', answered],
    ['with a reset', { body: [chunk], ending: 'rst' }],
    ['with invalid JSON', { body: [chunk, `data: {${prompt}\n\n`] }],
    ['with an error within the stream', { body: [chunk, frame({ error })] }],
    ['with an error before any text', { body: [frame({ error })] }],
    ['with an error within a 200', { headers: json, body: [JSON.stringify({ error })] }],
    ['with a web page', { status: 500, headers: { 'content-type': 'text/html' }, body: [`<html>${prompt}</html>`] }],
    ['with a redirect', { status: 302, headers: { location: `http://127.0.0.1:1/?q=${prompt}` } }],
    ['with an invalid answer', { headers: json, body: [JSON.stringify({ [prompt]: prompt, choices: prompt })] }],
    ...[400, 401, 402, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503, 529].flatMap((status) => [
      [`with ${status} in JSON`, { status, headers: json, body: [JSON.stringify({ error })] }] as const,
      [`with ${status} in text`, { status, headers: { 'content-type': 'text/plain' }, body: [prompt] }] as const,
    ]),
  ]
  const levels = ['debug', 'info', 'warn', 'error']

  for (const [how, script] of endings) {
    test(`appear only in log lines of level debug, if it ends ${how}`, async () => {
      const { log } = await everythingOf(script, asked)
      const told = log.filter((line) => !line.includes('"level":"debug"'))
      expect(told.length).toBeGreaterThan(0)
      for (const line of told) expect(line).not.toContain(prompt)
      for (const line of log) expect(line).not.toContain(answer)
    })
  }

  test('appear in no log line without debug, but the codes and the account do', async () => {
    const refused: Script = { status: 400, headers: json, body: [JSON.stringify({ error })] }
    script = refused
    for (const level of levels.slice(1)) {
      await using quiet = startApp({
        API_MASTER_KEY: clientKey,
        OPENAI_BASE_URL: `${upstream.origin}/v1`,
        OPENAI_API_KEY: upstreamKey,
        OPENAI_MODELS: 'gpt-test',
        LOG_LEVEL: level,
      })
      for (const stream of [false, true])
        await post(quiet.url, JSON.stringify({ ...asked, stream }), { authorization: `Bearer ${clientKey}` })
      expect(quiet.lines.join('')).not.toContain(prompt)
      expect(quiet.lines.map((line): unknown => JSON.parse(line))).toMatchObject(
        level === 'error'
          ? []
          : Array(2).fill({
              level: 'warn',
              upstream: 'openai',
              account: 'OPENAI_API_KEY',
              outcome: 'invalid_request',
              upstreamStatus: 400,
              address: '127.0.0.1',
              client: expect.stringMatching(/^[0-9a-f]{8}$/),
              msg: 'chat',
            }),
      )
    }
  })

  test('the text of an upstream is logged at level debug', async () => {
    const { log } = await everythingOf({ status: 400, headers: json, body: [JSON.stringify({ error })] }, asked)
    expect(log.filter((line) => line.includes(prompt) && line.includes('"level":"debug"')).length).toBeGreaterThan(0)
  })
})

describe('item 34: a text of a client stays within one line of the log', () => {
  const tricks = [
    '\r\n{"level":"error"}',
    '\u001b[31mred\u001b[0m',
    '\u202etxt.exe',
    '\u2028\u2029',
    '\u009b31m',
    '\0',
    '\ud83d',
  ]
  for (const trick of tricks) {
    test(JSON.stringify(trick), async () => {
      app.lines.length = 0
      for (const body of [
        { ...said, model: `a${trick}b` },
        { ...said, user: `a${trick}b`, [`a${trick}b`]: 1 },
        { ...said, messages: [{ role: `a${trick}b` }] },
      ])
        await post(app.url, JSON.stringify(body), { authorization: `Bearer ${otherKey}` })
      expect(app.lines.length).toBeGreaterThan(0)
      for (const line of app.lines) {
        expect(line).toMatch(/^[\x20-\x7e]*\n$/)
        expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), msg: expect.any(String) })
      }
    })
  }

  test('and a long text is shortened', async () => {
    app.lines.length = 0
    const model = 'm'.repeat(1_000_000)
    await post(app.url, JSON.stringify({ ...said, model }), { authorization: `Bearer ${otherKey}` })
    await fetch(`${app.url}/${'p'.repeat(5_000)}`)
    using client = new RawClient(app.url)
    void client.send(`GET /health HTTP/1.1\r\nHost: gateway\r\nX-Request-Id: ${'i'.repeat(5_000)}\r\n\r\n`)
    await client.reply()
    expect(app.lines.length).toBeGreaterThan(1)
    for (const line of app.lines) expect(line.length).toBeLessThan(2_000)
  })

  test('in the text format too', () => {
    const lines: string[] = []
    const log = openLog({ runtime: machine, level: 'info', format: 'pretty', write: (line) => lines.push(line) })
    for (const trick of tricks) log.info({ model: trick, route: `GET /${trick}` }, 'chat')
    for (const line of lines) expect(line).toMatch(/^[\x20-\x7e]*\n$/)
  })
})
