import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import {
  type EmulatedChat,
  emulateOpenai,
  type OpenaiEmulator,
} from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { askChatServer, browserEvents, parsedEvents, post, textOf, typesOf } from './chat-server-client.ts'
import { calling, chunk, saying } from './chat-server-model.ts'
import { mcpServers, startChatServer, stdio } from './chat-server-rig.ts'

// The chat server's whole stream: every byte of it is in a file.

const folder = join(import.meta.dir, 'fixtures/chat-server')

/** Counts the model's answers since the last user message. */
function roundOf({ messages }: EmulatedChat): number {
  return messages.length - messages.findLastIndex(({ role }) => role === 'user')
}
const isSummary = ({ messages }: EmulatedChat) => messages[0]?.role === 'system'

/** Makes the ids of a round's calls. */
const call = (chat: EmulatedChat, name: string, json: string) =>
  [`${name}_${roundOf(chat)}`, `lab__${name}`, json] as const

const scenarios: Readonly<Record<string, (chat: EmulatedChat) => Script>> = {
  'plain text': () => saying('Hello', ' there', ', "you"\n\ndata: {"type":"done"}\n\n\r'),
  'two tools': (chat) =>
    roundOf(chat) === 1
      ? calling([call(chat, 'structured', '{}'), call(chat, 'echo', '{"text":"hi"}')], 'Let me look.')
      : saying('All', ' done.'),
  'calls that fail': (chat) =>
    roundOf(chat) === 1
      ? calling([call(chat, 'fails', '{}'), call(chat, 'echo', '{"text":'), call(chat, 'missing', '{}')])
      : saying('None of that worked.'),
  'a long result': (chat) => {
    if (isSummary(chat)) return saying('A lot of x.')
    return roundOf(chat) === 1 ? calling([call(chat, 'big', '{"bytes":3000}')]) : saying('So many.')
  },
  'an answer that breaks off': () => ({
    body: [chunk({ role: 'assistant', content: 'Half' }), chunk({ content: ' an' })],
    ending: 'fin',
    endDelayMs: 50,
  }),
  'tools without end': (chat) => calling([call(chat, 'fails', '{}')]),
}

/** A scenario without a file, because the split of its output depends on timing. */
const streams = (chat: EmulatedChat) =>
  roundOf(chat) === 1 ? calling([call(chat, 'stream', '{}')]) : saying('Streamed.')

let model: OpenaiEmulator
let scenario = ''
beforeAll(async () => {
  model = await emulateOpenai({ reply: (chat) => (scenarios[scenario] ?? streams)(chat) })
})
afterAll(() => model.close())

const start = () =>
  startChatServer({
    UPSTREAM_LAB_URL: model.url,
    UPSTREAM_LAB_MODELS: 'm',
    TOOL_SUMMARY_CHARACTERS: '1000',
    TOOL_MAX_PARALLEL: '1',
    ...mcpServers({ lab: stdio('stdio') }),
  })

describe('a transcript, byte for byte:', () => {
  for (const name of Object.keys(scenarios))
    test(name, async () => {
      await using rig = start()
      scenario = name
      const response = await post(rig.url, { session_id: 'golden', content: 'Go on' }, { id: 'request-1' })
      const said = await response.text()
      // a request has one line, even if the model is asked more than once
      expect(rig.lines.filter((line) => line.includes('"request-1"') && line.includes('"msg":"chat"'))).toHaveLength(1)
      const kept = JSON.parse(await (await fetch(`${rig.url}/api/sessions/golden/messages`)).text())
      const file = Bun.file(join(folder, `${name.replaceAll(' ', '-')}.txt`))
      const head = `${response.status} ${response.headers.get('content-type')}`
      expect(`${head}\n\n${said}${JSON.stringify(kept, null, 1)}\n`).toBe(await file.text())
    })
})

describe('every event is read correctly, wherever the network cuts the bytes,', () => {
  for (const name of Object.keys(scenarios))
    test(`by a page's own loop and by eventsource-parser: ${name}`, async () => {
      const transcript = await Bun.file(join(folder, `${name.replaceAll(' ', '-')}.txt`)).text()
      const stream = transcript.slice(transcript.indexOf('\n\n') + 2, transcript.indexOf('\n{\n "messages"') + 1)
      const parsed = parsedEvents(stream)
      expect(parsed.length).toBeGreaterThan(2)
      expect(parsed.filter(({ type }) => type === 'done')).toEqual([parsed.at(-1) ?? { type: '' }])
      const bytes = new TextEncoder().encode(stream)
      const looped = await Array.fromAsync(browserEvents(new Response(inBytes(bytes))))
      expect(looped).toEqual(parsed)
    })
})

test('docs/chat-server.md shows one of the transcripts', async () => {
  const written = await Bun.file(join(import.meta.dir, '../../docs/chat-server.md')).text()
  const [, shown] = /^```text\n(.*?)^```$/ms.exec(written) ?? []
  expect(await Bun.file(join(folder, 'two-tools.txt')).text()).toContain(`\n\n${shown}\n{\n`)
})

/** A body that arrives byte by byte. */
function inBytes(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0
  return new ReadableStream({
    pull(controller) {
      if (at === bytes.length) controller.close()
      else controller.enqueue(bytes.slice(at, ++at))
    },
  })
}

test('a tool’s output is streamed while it runs, before its result', async () => {
  await using rig = start()
  scenario = 'a tool that streams'
  const events = await askChatServer(rig.url, { session_id: 'streams', content: 'Go on' })
  const output = events.filter(({ type }) => type === 'tool_stream_chunk').map(({ data }) => data)
  expect(output.map((data) => data?.content).join('')).toBe('1 of 3\nhalf\n3 of 3\na log line\n')
  expect(new Set(output.map((data) => data?.tool_call_id))).toEqual(new Set(['stream_1']))
  expect(typesOf(events).lastIndexOf('tool_stream_chunk')).toBeLessThan(typesOf(events).indexOf('tool_result'))
})

describe('the direct route', () => {
  test('sends the messages of its request to the model, and stores only the answer', async () => {
    await using rig = start()
    scenario = 'plain text'
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'One?' },
      { role: 'assistant', content: 'Two.' },
      { role: 'user', content: 'Three?' },
    ]
    const events = await askChatServer(rig.url, { session_id: 'direct', messages }, { path: '/api/chat/stream/direct' })
    expect(model.chats.at(-1)?.messages).toEqual(messages)
    expect(textOf(events)).toStartWith('Hello there')
    const { messages: kept } = JSON.parse(await (await fetch(`${rig.url}/api/sessions/direct/messages`)).text())
    expect(kept).toMatchObject([{ role: 'assistant', status: 'completed' }])
  })
})
