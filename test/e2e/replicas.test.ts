/** Three replicas of the executable share a real Redis behind a real nginx, and one of them is killed. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { emulateOpenai, frame, type OpenaiEmulator } from '../../src/providers/openai-compatible/emulator/index.ts'
import { emulateSmithery, type SmitheryEmulator } from '../../src/providers/smithery/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { until, within } from '../waiting.ts'
import { build, emptyFolder } from './program.ts'
import { Answer, type Asking, hasServers, type Replicas, startReplicas } from './replicas-rig.ts'

const master = 'sk-master-0123456789abcdef'
const minuteKey = 'sk-minute-0123456789abcdef'
const narrowKey = 'sk-narrow-0123456789abcdef'
const limits = { minute: 100, narrow: 10 }
const patienceMs = 60_000
const hourMs = 3_600_000

const delta = (content: string) => frame({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })
const end = [frame({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }), 'data: [DONE]\n\n']

let gate = Promise.withResolvers<void>()
/** How many answers the upstream makes at the moment, and has at most made. */
let running = 0
let mostRunning = 0

async function* held(): AsyncGenerator<string> {
  yield delta('Half ')
  await gate.promise
  yield delta('whole')
  yield* end
}

async function* counted(): AsyncGenerator<string> {
  running++
  mostRunning = Math.max(mostRunning, running)
  yield delta('Hello')
  await Bun.sleep(20)
  running--
  yield* end
}

const replies: Readonly<Record<string, () => Script>> = {
  hold: () => ({ body: held() }),
  quick: () => ({ body: counted() }),
  limited: () => ({ status: 429, headers: { 'retry-after': '3600' }, body: '{}' }),
}

let model: OpenaiEmulator
let smithery: SmitheryEmulator
let replicas: Replicas
let offsetMs = -2 * hourMs
describe.skipIf(!hasServers && !process.env.CI)('three replicas', () => {
  beforeAll(async () => {
    await build()
    model = await emulateOpenai({ reply: ({ messages }) => replies[String(messages.at(-1)?.content)]?.() })
    // its session ended an hour ago
    smithery = await emulateSmithery({ supabase: { now: () => Date.now() + offsetMs } })
    offsetMs = 0
    await using folder = await emptyFolder()
    const keys = [
      { name: 'minute', key: minuteKey, rpm: limits.minute },
      { name: 'narrow', key: narrowKey, concurrent: limits.narrow },
    ]
    const file = join(folder.path, 'keys.json')
    writeFileSync(file, JSON.stringify({ keys }), { mode: 0o600 })
    replicas = await startReplicas(3, {
      ...smithery.variables,
      UPSTREAM_LAB_URL: model.url,
      UPSTREAM_SMALL_URL: model.url,
      API_MASTER_KEY: master,
      API_KEYS_FILE: file,
      STATE_SECRET: 'for-tests-only-not-a-secret',
      LOG_LEVEL: 'warn',
    })
  })
  afterAll(async () => {
    await replicas?.[Symbol.asyncDispose]()
    await Promise.all([model.close(), smithery.close()])
  })

  const chat = (content: string, name = 'lab/gpt-test') => ({
    model: name,
    stream: true,
    messages: [{ role: 'user', content }],
  })
  const ask = (body: object, more: Partial<Asking> = {}) => new Answer(replicas.socket, { key: master, body, ...more })
  const atOnce = async (count: number, one: (at: number) => Answer): Promise<readonly Answer[]> => {
    const answers = Array.from({ length: count }, (_, at) => one(at))
    await within(Promise.all(answers.map(({ closed }) => closed)), patienceMs, 'the ends of all answers')
    return answers
  }
  const countBy = (answers: readonly Answer[]) =>
    Object.fromEntries([...Map.groupBy(answers, ({ status }) => status)].map(([status, all]) => [status, all.length]))

  test('P11: requests to all of them with an expired token cause one renewal', async () => {
    const answers = await atOnce(60, () => ask(chat('Hello', 'smithery/gpt-5')))
    expect(countBy(answers)).toEqual({ 200: 60 })
    expect(answers.filter(({ isWhole }) => !isWhole)).toEqual([])
    expect(new Set(answers.map(({ replica }) => replica)).size).toBe(3)
    expect(smithery.supabase.counts).toMatchObject({ renewals: 1, refusals: 0 })
  })

  test('P19: of 1,000 requests at once those of a minute run, and at most a share more for each replica', async () => {
    const counts = countBy(await atOnce(1_000, () => ask(chat('quick'), { key: minuteKey })))
    expect(Object.keys(counts)).toEqual(['200', '429'])
    // a share that one replica has drawn may be unused at the end
    expect(counts[200]).toBeWithin(limits.minute * 0.85, limits.minute * 1.15 + 1)
  })

  test('P19: never more requests run at the same time than the key allows to all replicas', async () => {
    mostRunning = 0
    const counts = countBy(await atOnce(200, () => ask(chat('quick'), { key: narrowKey })))
    expect(counts[200]).toBeGreaterThan(limits.narrow)
    expect(mostRunning).toBeWithin(1, limits.narrow + 1)
  })

  test('an abort of the chat server reaches the replica that streams', async () => {
    const [one, two] = replicas.running
    const post = (url: string | undefined, path: string, body: object) =>
      fetch(`${url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${master}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const body = { session_id: 'aborted', content: 'hold', model_config: { model_name: 'lab/gpt-test' } }
    const streaming = await post(one?.url, '/api/chat/stream', body)
    const text = streaming.text()
    await until(() => model.openConnections() > 0, patienceMs, 'the request at the upstream')
    const aborted = await post(two?.url, '/api/chat/abort', { session_id: 'aborted' })
    expect(await aborted.json()).toMatchObject({ aborted: true })
    expect(await within(text, patienceMs, 'the end of the stream')).toContain('abort')
    await until(() => model.openConnections() === 0, patienceMs, 'the end at the upstream')
  })

  test('a limit that one of them has reached keeps the others from asking', async () => {
    const statusAt = async (url: string | undefined, content: string) => {
      const headers = { authorization: `Bearer ${master}`, 'content-type': 'application/json' }
      const body = JSON.stringify(chat(content, 'small/gpt-test'))
      const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body })
      await response.text()
      return response.status
    }
    const [one, ...others] = replicas.running
    expect(await statusAt(one?.url, 'limited')).toBe(429)
    const rests = async () => [await replicas.redis.admin('KEYS', `${replicas.prefix}v:account-rests/*`)].flat().length
    await until(async () => (await rests()) > 0, patienceMs, 'the rest in Redis')
    const before = model.chats.length
    for (const { url } of others) expect(await statusAt(url, 'quick')).toBe(429)
    expect(model.chats.length).toBe(before)
  })

  test('a stream goes on at another replica', async () => {
    gate = Promise.withResolvers()
    const [one, two] = replicas.running
    const headers = { authorization: `Bearer ${master}`, 'content-type': 'application/json' }
    const first = await fetch(`${one?.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { ...headers, 'x-tributary-resumable': 'true' },
      body: JSON.stringify(chat('hold')),
    })
    const whole = first.text()
    const resumed = await fetch(`${two?.url}/v1/streams/${first.headers.get('x-tributary-stream')}`, { headers })
    const again = resumed.text()
    gate.resolve()
    const withoutComments = (text: string) => text.replace(/^:.*\n\n/gm, '')
    const texts = [await whole, await again].map(withoutComments)
    expect(texts[0]).toContain('[DONE]')
    expect(texts[1]).toBe(texts[0])
  })

  test('P12: the death of one breaks its own streams only, visibly, and new requests go on', async () => {
    gate = Promise.withResolvers()
    const turn = (at: number) => ({
      session_id: `s${at}`,
      content: 'hold',
      model_config: { model_name: 'lab/gpt-test' },
    })
    const streams = Array.from({ length: 300 }, (_, at) =>
      at % 10 === 0 ? ask(turn(at), { path: '/api/chat/stream' }) : ask(chat('hold')),
    )
    await until(() => streams.every(({ text }) => text.includes('Half ')), patienceMs, 'the first words')
    const [dying] = replicas.running
    const died = new URL(dying?.url ?? '').host
    const [own = [], others = []] = [true, false].map((dies) =>
      streams.filter(({ replica }) => (replica === died) === dies),
    )
    expect(own.length).toBeWithin(50, 151)
    await dying?.stop('SIGKILL')
    await within(Promise.all(own.map(({ closed }) => closed)), patienceMs, 'the ends of the streams that broke')
    expect(own.filter(({ hasEnd, isWhole }) => hasEnd || isWhole)).toEqual([])
    const next = await atOnce(100, () => ask(chat('quick')))
    expect([countBy(next), next.every(({ isWhole }) => isWhole)]).toEqual([{ 200: 100 }, true])
    expect(await leaseEnds()).toBeWithin(1, 15_001)
    gate.resolve()
    await within(Promise.all(others.map(({ closed }) => closed)), patienceMs, 'the ends of the other streams')
    expect(others.filter(({ isWhole, text }) => !isWhole || !text.includes('whole'))).toEqual([])
  })

  /** Milliseconds until the last lease ends, of all that are in Redis. */
  async function leaseEnds(): Promise<number> {
    const { redis, prefix } = replicas
    const [seconds, micros] = [await redis.admin('TIME')].flat().map(Number)
    const names = [await redis.admin('KEYS', `${prefix}l:*`)].flat().map(String)
    const ends = await Promise.all(names.map(async (name) => Number(await redis.admin('HGET', name, 'x'))))
    return Math.max(...ends) - (seconds ?? 0) * 1_000 - (micros ?? 0) / 1_000
  }
})
