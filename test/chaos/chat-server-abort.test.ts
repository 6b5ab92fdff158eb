import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  type EmulatedChat,
  emulateOpenai,
  type OpenaiEmulator,
} from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { type HttpToolServer, startHttpServer } from '../tools/servers.ts'
import { until, untilStill, within } from '../waiting.ts'
import { askChatServer, browserEvents, json, post, type Told, textOf, typesOf } from './chat-server-client.ts'
import { calling, chunk, saying, silent, stalling } from './chat-server-model.ts'
import { type ChatServerRig, mcpServers, startChatServer } from './chat-server-rig.ts'

// Item 7: an abort or a client that leaves ends every part of a request, in every phase, and the session goes on.

const limitMs = 250
/** Milliseconds after which a wait is a hang. */
const patienceMs = 20_000
const isSummary = ({ messages }: EmulatedChat) => messages[0]?.role === 'system'
const isAnswering = ({ messages }: EmulatedChat) => messages.at(-1)?.role === 'tool'

interface Phase {
  readonly reply: (chat: EmulatedChat) => Script
  /** The last event before the request is stuck; undefined if there is none. */
  readonly last?: string
  /** Whether a request to the model is running then. */
  readonly isAsking: boolean
}

const phases: Readonly<Record<string, Phase>> = {
  'waiting for the model': { reply: () => silent, isAsking: true },
  streaming: { reply: () => stalling('Half'), last: 'chunk', isAsking: true },
  'a tool running': {
    reply: () => calling([['hang_1', 'lab__hang', '{}']], 'Let me look.'),
    last: 'tool_stream_chunk',
    isAsking: false,
  },
  summarising: {
    reply: (chat) => (isSummary(chat) ? stalling('A lot') : calling([['big_1', 'lab__big', '{"bytes":9000}']])),
    last: 'tool_stream_chunk',
    isAsking: true,
  },
  'waiting for the model once more': {
    reply: (chat) => (isAnswering(chat) ? silent : calling([['echo_1', 'lab__echo', '{"text":"hi"}']])),
    last: 'tool_result',
    isAsking: true,
  },
}

let model: OpenaiEmulator
let mcp: HttpToolServer
let rig: ChatServerRig
let reply: (chat: EmulatedChat) => Script = () => silent
let newest: EmulatedChat | undefined
beforeAll(async () => {
  model = await emulateOpenai({
    reply: (chat) => {
      newest = chat
      return reply(chat)
    },
  })
  mcp = await startHttpServer('lab', 'http')
  rig = startChatServer({
    UPSTREAM_LAB_URL: model.url,
    UPSTREAM_LAB_MODELS: 'm',
    ...mcpServers({ lab: { url: `${mcp.origin}/mcp` } }),
  })
  await fetch(`${rig.url}/api/tools`)
})
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  await mcp[Symbol.asyncDispose]()
  await model.close()
})

const abort = (session: string) => json(post(rig.url, { session_id: session }, { path: '/api/chat/abort' }))
const cancelledRuns = () => mcp.seen().memory.cancelled

/** Asks, and waits until the request is stuck in its phase. */
async function stuckIn(phase: Phase, session: string, signal?: AbortSignal) {
  reply = phase.reply
  const before = model.chats.length
  const asked = post(rig.url, { session_id: session, content: 'Go on' }, { ...(signal && { signal }) })
  const events: Told[] = []
  // a client that has left gets no more bytes
  const reading = asked
    .then(async (response) => {
      for await (const event of browserEvents(response)) events.push(event)
    })
    .catch((thrown: unknown) => thrown)
  await until(() => model.chats.length > before, 20_000, 'the model is asked')
  if (phase.last) await until(() => events.at(-1)?.type === phase.last, 5_000, phase.last)
  if (phase.last === 'tool_result')
    await until(() => model.chats.length > before + 1, 20_000, 'the model is asked again')
  return { events, reading }
}

/** Expects that the request has left nothing behind, that the next message is answered, and that the model gets a valid conversation. */
async function expectFree(session: string): Promise<void> {
  reply = () => saying('Here', ' again.')
  const events = await askChatServer(rig.url, { session_id: session, content: 'And now?' })
  expect(textOf(events)).toBe('Here again.')
  expect(typesOf(events).slice(-2)).toEqual(['complete', 'done'])
  expect((await statuses(session)).slice(-3)).toEqual(['cancelled', 'completed', 'completed'])
  const told = newest?.messages ?? []
  expect(told.at(-1)).toMatchObject({ role: 'user', content: 'And now?' })
  expect(told.some(({ role }, at) => role === 'user' && told[at + 1]?.role === 'user')).toBe(false)
  const called = told.flatMap(({ tool_calls: calls }) => (Array.isArray(calls) ? calls.map(({ id }) => id) : []))
  expect(told.flatMap(({ tool_call_id: id }) => id ?? [])).toEqual(called)
}

/** How each message of a session ended. */
async function statuses(session: string): Promise<readonly string[]> {
  const { body } = await json(fetch(`${rig.url}/api/sessions/${encodeURIComponent(session)}/messages`))
  return Array.isArray(body.messages) ? body.messages.map(({ status }: { status: string }) => status) : []
}

describe('an abort while', () => {
  for (const [name, phase] of Object.entries(phases))
    test(`${name} ends the stream with cancelled and done, and frees everything`, async () => {
      const session = `abort ${name}`
      const runs = cancelledRuns()
      const { events, reading } = await stuckIn(phase, session)
      const startedAt = performance.now()
      expect(await abort(session)).toEqual({ status: 200, body: { message: 'Chat request aborted', aborted: true } })
      await within(reading, limitMs, 'the end of the stream')
      expect(events.slice(-2)).toEqual([{ type: 'cancelled', message: 'Chat request aborted' }, { type: 'done' }])
      expect(typesOf(events)).not.toContain('complete')
      if (phase.isAsking)
        await until(() => (model.closedAt.at(-1) ?? 0) >= startedAt, limitMs, 'the upstream is let go of')
      else await until(() => cancelledRuns() > runs, patienceMs, 'the tool is told')
      await expectFree(session)
    })
})

describe('a client that leaves while', () => {
  for (const [name, phase] of Object.entries(phases))
    test(`${name} has the same effect as an abort`, async () => {
      const session = `leave ${name}`
      const runs = cancelledRuns()
      const controller = new AbortController()
      const { reading } = await stuckIn(phase, session, controller.signal)
      const leftAt = performance.now()
      controller.abort()
      await reading
      if (phase.isAsking)
        await until(() => (model.closedAt.at(-1) ?? 0) >= leftAt, limitMs, 'the upstream is let go of')
      else await until(() => cancelledRuns() > runs, patienceMs, 'the tool is told')
      // its session is free a moment after
      await until(async () => (await statuses(session)).at(-1) === 'cancelled', patienceMs, 'the session is free')
      expect((await abort(session)).body.aborted).toBe(false)
      await expectFree(session)
    })
})

describe('an abort', () => {
  test('without a running request says that there is none', async () => {
    expect(await abort('nobody')).toEqual({
      status: 200,
      body: { message: 'No chat request of this session is running', aborted: false },
    })
  })

  test('accepts the session in the query too', async () => {
    const { reading } = await stuckIn({ reply: () => stalling('Half'), last: 'chunk', isAsking: true }, 'by query')
    const answered = await json(
      fetch(`${rig.url}/api/chat/abort?session_id=${encodeURIComponent('by query')}`, { method: 'POST' }),
    )
    expect(answered.body.aborted).toBe(true)
    await reading
  })

  test('frees the session of a client that has stopped reading and has slowed the model down', async () => {
    let made = 0
    function* endless() {
      for (;;) {
        made++
        yield chunk({ role: 'assistant', content: 'x'.repeat(100_000) })
      }
    }
    reply = () => ({ body: endless() })
    const response = await post(rig.url, { session_id: 'stuck', content: 'Go on' })
    const reader = response.body?.getReader()
    await reader?.read()
    const standing = await untilStill(() => made, 100, 5_000)
    expect(standing).toBeLessThan(640)
    expect((await abort('stuck')).body.aborted).toBe(true)
    await expectFree('stuck')
    await reader?.cancel()
  })

  test('stops requests that wait for the session too', async () => {
    const { reading } = await stuckIn({ reply: () => stalling('Half'), last: 'chunk', isAsking: true }, 'queue')
    const waiting = post(rig.url, { session_id: 'queue', content: 'Me too' }, { query: '?wait=true' })
    // the test cannot see that this request waits; a third request, which may not wait, is refused in any case
    expect((await post(rig.url, { session_id: 'queue', content: 'And me' })).status).toBe(409)
    expect((await abort('queue')).body.aborted).toBe(true)
    await reading
    expect(typesOf(await Array.fromAsync(browserEvents(await waiting)))).toEqual(['cancelled', 'done'])
    await expectFree('queue')
  })
})
