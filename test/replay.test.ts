/** An exported request has nothing to hide, and `tributary replay` plays it back. */
import { afterAll, beforeEach, describe, expect, spyOn, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { replay } from '../src/commands/replay/replay.ts'
import { tenAnswers } from '../src/gateway/continuation/ten-answers.double.ts'
import { type EmulatedChat, emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../src/wire/emulator/script.ts'
import { machine } from '../src/wire/machine.double.ts'
import { sseData } from '../src/wire/sse.ts'
import { request } from './chaos/client.ts'
import { startGateway } from './chaos/gateway.ts'
import { cutAt, cutWhole, refused } from './chaos/scripts.ts'
import { until } from './waiting.ts'

const folder = mkdtempSync(join(tmpdir(), 'replay-'))
/** How each upstream answers, if not properly. */
const scripts = new Map<string, (chat: EmulatedChat) => Script | undefined>()
const upstreams = ['first', 'second', 'third']
const emulator = await emulateOpenai({ models: upstreams, reply: (chat) => scripts.get(chat.model)?.(chat) })
const closed = await emulateOpenai()
await closed.close()

/** A new gateway for each request, so that nothing is learnt from those before. */
function open(more: Readonly<Record<string, string>> = {}) {
  return startGateway({
    ...Object.fromEntries(
      upstreams.flatMap((name) => [
        [`UPSTREAM_${name.toUpperCase()}_URL`, emulator.url],
        [`UPSTREAM_${name.toUpperCase()}_MODELS`, name],
      ]),
    ),
    UPSTREAM_FIRST_KEY_1: 'canary-key-of-the-upstream',
    UPSTREAM_FIRST_KEY_2: 'canary-other-key-of-the-upstream',
    UPSTREAM_DOWN_URL: closed.url,
    UPSTREAM_DOWN_MODELS: 'down',
    ROUTES:
      'chain = first/first > second/second; panel = second/second + third/third; unreached = down/down > third/third',
    ...more,
  })
}

beforeEach(() => scripts.clear())
afterAll(async () => {
  await emulator.close()
  rmSync(folder, { recursive: true })
})

interface Recorded {
  readonly model: string
  readonly stream?: boolean
  readonly text?: string
  readonly variables?: Readonly<Record<string, string>>
  /** Whether the client leaves when something was shown. */
  readonly leaves?: boolean
}

/** Sends a request, and returns its export. */
async function record({ model, stream = true, variables, leaves = false }: Recorded): Promise<string> {
  const gateway = open(variables)
  try {
    const leaving = new AbortController()
    const response = await request(gateway.url, { model, stream, id: 'recorded', signal: leaving.signal })
    if (leaves) {
      await response.body?.getReader().read()
      leaving.abort()
    } else await response.text()
    let text = ''
    const isWhole = async () => {
      const exported = await fetch(`${gateway.url}/admin/requests/recorded/export`)
      text = await exported.text()
      return exported.ok && !text.includes('"outcome":null')
    }
    await until(isWhole, 5_000, 'the export')
    return text
  } finally {
    await gateway.close()
  }
}

let files = 0

/** Runs the command on a file with this text. */
async function play(text: string): Promise<{ readonly code: number; readonly printed: string }> {
  const file = join(folder, `${++files}.json`)
  writeFileSync(file, text)
  const printed: string[] = []
  const write = (chunk: unknown) => {
    printed.push(String(chunk))
    return true
  }
  const spies = [process.stdout, process.stderr].map((stream) => spyOn(stream, 'write').mockImplementation(write))
  try {
    return { code: await replay([file], machine), printed: printed.join('') }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

const same = { code: 0, printed: expect.stringContaining('The same came out.') }

describe('what is played back is the same:', () => {
  for (const stream of [true, false])
    test(`an answer, ${stream ? 'streamed' : 'whole'}`, async () => {
      const text = await record({ model: 'first/first', stream })
      const { code, printed } = await play(text)
      expect({ code, printed }).toEqual(same)
      expect(printed).toMatch(/attempts\s+first: ok\s+first: ok/)
      expect(printed).toMatch(/tokens\s+7 in, 3 out\s+7 in, 3 out/)
    })

  for (const [status, code, outcome] of [
    [400, 'invalid_request_error', 'invalid_request'],
    [400, 'context_length_exceeded', 'context_length_exceeded'],
    [400, 'content_filter', 'content_filter'],
    [404, 'model_not_found', 'model_not_found'],
    [405, 'any', 'upstream_protocol'],
    [409, 'any', 'upstream_busy'],
    [413, 'any', 'request_too_large'],
    [429, 'rate_limit_exceeded', 'rate_limit_exceeded'],
    [429, 'insufficient_quota', 'insufficient_quota'],
    [401, 'invalid_api_key', 'upstream_auth'],
    [500, 'any', 'upstream_error'],
    [503, 'any', 'upstream_overloaded'],
    [504, 'any', 'upstream_timeout'],
  ] as const)
    test(`a failover after ${outcome}`, async () => {
      scripts.set('first', () => refused(status, { code, message: 'canary-text-of-the-upstream' }))
      const text = await record({ model: 'chain' })
      expect(text).toContain(`"outcome":"${outcome}"`)
      expect(await play(text)).toEqual(same)
    })

  test('a challenge', async () => {
    scripts.set('first', () => ({ ...refused(403, {}), headers: { 'cf-mitigated': 'challenge' } }))
    const text = await record({ model: 'chain' })
    expect(text).toContain('"outcome":"upstream_blocked"')
    expect(await play(text)).toEqual(same)
  })

  test('a panel, with a member that fails', async () => {
    scripts.set('third', () => refused(400, { code: 'context_length_exceeded' }))
    expect(await play(await record({ model: 'panel' }))).toEqual(same)
    scripts.clear()
    expect(await play(await record({ model: 'panel' }))).toEqual(same)
  })

  test('a cut before and after the first event, streamed and whole', async () => {
    scripts.set('first', () => cutAt('A', 'rst'))
    expect(await play(await record({ model: 'chain' }))).toEqual(same)
    scripts.set('first', () => cutWhole('rst'))
    expect(await play(await record({ model: 'chain', stream: false }))).toEqual(same)
  })

  test('an answer that was cut and continued', async () => {
    const prose = tenAnswers.prose ?? ''
    const half = prose.slice(0, prose.length / 2)
    scripts.set('first', (chat) => (anchorIn(chat) === undefined ? saying(half, true) : refused(503, {})))
    scripts.set('second', (chat) => saying(prose.slice(half.length - (anchorIn(chat) ?? '').length), false))
    const { code, printed } = await play(await record({ model: 'chain' }))
    expect({ code, printed }).toEqual(same)
    expect(printed).toMatch(/first: upstream_disconnected after a part/)
    expect(printed).toMatch(/continued\s+1\s+1/)
  })

  test('an upstream that was silent, before and within its answer', async () => {
    scripts.set('first', () => ({ body: [], ending: 'stall' }))
    const silent = await play(await record({ model: 'chain', variables: { API_REQUEST_TIMEOUT: '1' } }))
    expect(silent).toEqual(same)
    // a deadline is not tried again at the same upstream, as a status would be
    expect(silent.printed.match(/first: upstream_timeout/g)).toHaveLength(2)
    scripts.set('first', () => cutAt('C', 'stall'))
    const idle = await play(await record({ model: 'first/first', variables: { STREAM_IDLE_TIMEOUT: '1' } }))
    expect(idle).toEqual(same)
    expect(idle.printed).toContain('upstream_idle_timeout after a part')
  }, 60_000)

  test('an upstream that cannot be reached', async () => {
    expect(await play(await record({ model: 'unreached' }))).toEqual(same)
  })

  test('a client that left', async () => {
    scripts.set('first', () => cutAt('C', 'stall'))
    expect(await play(await record({ model: 'first/first', leaves: true }))).toEqual(same)
  })
})

describe('an export', () => {
  test('has no key, no account, no id and no text, also if texts are recorded', async () => {
    scripts.set('first', () => refused(401, { code: 'invalid_api_key', message: 'canary-text-of-the-upstream' }))
    for (const RECORD_PROMPTS of ['true', 'false']) {
      const text = await record({ model: 'chain', variables: { RECORD_PROMPTS } })
      for (const hidden of ['canary', 'UPSTREAM_', 'anybody', 'recorded', 'Hello', 'You said'])
        expect({ hidden, is: text.includes(hidden) }).toEqual({ hidden, is: false })
      const { texts, timeline } = Export.parse(JSON.parse(text))
      expect(timeline.attempts.map(({ account }) => account)).toEqual([1, 2, 3])
      const lengths = texts && [texts.request.length, texts.answer.length]
      expect(lengths).toEqual(RECORD_PROMPTS === 'true' ? ['[user]\nHello\n\n'.length, 'You said: Hello'.length] : null)
    }
  })

  test('is for admins only', async () => {
    const gateway = open({ API_MASTER_KEY: 'master-key-of-this-test' })
    expect((await fetch(`${gateway.url}/admin/requests/any/export`)).status).toBe(401)
    await gateway.close()
  })
})

const Export = z.looseObject({
  texts: z.object({ request: z.string(), answer: z.string() }).nullable(),
  timeline: z.object({ attempts: z.array(z.looseObject({ account: z.int().nullable() })) }),
})

describe('a file that cannot be played back is refused with the place and the reason:', () => {
  test('each member', async () => {
    const whole = await record({ model: 'first/first' })
    const changed = (change: (file: z.infer<typeof AnyExport>) => unknown) => {
      const file = AnyExport.parse(JSON.parse(whole))
      change(file)
      return JSON.stringify(file)
    }
    for (const [text, problem] of [
      ['no JSON', 'the file is not JSON'],
      ['[]', 'the file must be an object'],
      ['{}', 'format must be "tributary-request"'],
      [changed((file) => (file.version = 2)), 'version must be 1'],
      [changed((file) => (file.request.task = 'embeddings')), 'request.task must be "chat"'],
      [changed((file) => (file.request.gateway_tools = 2)), 'request.gateway_tools must be 0'],
      [changed((file) => (file.request.stream = 'yes')), 'request.stream must be true or false'],
      [changed((file) => (file.timeline.attempts = [])), 'timeline.attempts must not be empty'],
      [changed((file) => (file.timeline.attempts = 'none')), 'timeline.attempts must be a list'],
      [changed((file) => (file.timeline.attempts = Array(33).fill({}))), 'timeline.attempts must have at most 32'],
      [changed((file) => (file.timeline.attempts = [{}])), 'timeline.attempts[0].outcome must be a text'],
      [changed(({ timeline }) => (first(timeline).outcome = 'magic')), 'timeline.attempts[0].outcome is "magic"'],
      [
        changed(({ timeline }) => (first(timeline).start_ms = -1)),
        'timeline.attempts[0].start_ms must be a whole number',
      ],
      [
        changed(({ timeline }) => (first(timeline).outcome = '\u001b]0;another title\u0007')),
        'timeline.attempts[0].outcome must be a text of one line',
      ],
      [changed((file) => (file.usage = 7)), 'usage must be an object'],
    ] as const)
      expect(await play(text)).toEqual({
        code: 65,
        printed: expect.stringContaining(`cannot be played back: ${problem}`),
      })
  })

  test('a missing one, and a wrong command line', async () => {
    const silent = spyOn(process.stderr, 'write').mockImplementation(() => true)
    try {
      expect([await replay(['/nowhere/at/all.json'], machine), await replay([], machine)]).toEqual([66, 64])
      expect(silent.mock.calls.join('')).toContain('/nowhere/at/all.json cannot be read')
    } finally {
      silent.mockRestore()
    }
  })

  test('another outcome is shown beside the recorded one', async () => {
    const text = (await record({ model: 'first/first' })).replace('"outcome":"ok"', '"outcome":"upstream_error"')
    const { code, printed } = await play(text)
    expect({ code, printed }).toEqual({ code: 1, printed: expect.stringContaining('Something else came out.') })
    expect(printed).toMatch(/outcome\s+upstream_error\s+ok/)
  })
})

const AnyExport = z.looseObject({
  request: z.looseObject({}),
  timeline: z.looseObject({ attempts: z.unknown() }),
})

function first({ attempts }: z.infer<typeof AnyExport>['timeline']): Record<string, unknown> {
  const [found] = Array.isArray(attempts) ? attempts : []
  return found
}

function saying(text: string, breaks: boolean): Script {
  const chunk = (delta: object, finish: string | null = null) =>
    sseData(JSON.stringify({ object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] }))
  const words = (text.match(/[\s\S]{1,9}/gu) ?? []).map((content) => chunk({ content }))
  // without a pause, the reset could arrive before the bytes
  if (breaks) return { body: words, ending: 'rst', endDelayMs: 20 }
  return { body: [...words, chunk({}, 'stop'), sseData('[DONE]')] }
}

/** The end of the broken answer that the model is asked to repeat; undefined for a first question. */
function anchorIn({ messages }: EmulatedChat): string | undefined {
  const last = messages.at(-1)?.content
  const text = Array.isArray(last) ? last.map((part) => part.text).join('') : String(last)
  return text.startsWith('The connection broke off') ? text.slice(text.indexOf('\n\n') + 2) : undefined
}
