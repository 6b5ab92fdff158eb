import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createMcpHandler, Server } from '@modelcontextprotocol/server'
import {
  type EmulatedChat,
  emulateOpenai,
  type OpenaiEmulator,
} from '../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../src/wire/emulator/script.ts'
import { sseData } from '../src/wire/sse.ts'
import { askChatServer } from './chaos/chat-server-client.ts'
import { type ChatServerRig, mcpServers, startChatServer } from './chaos/chat-server-rig.ts'

// Two hundred tools of four servers: the model searches for those that it needs.

const servers = ['files', 'mail', 'city', 'shop']
const perServer = 50

/** A tool server with fifty tools: the first is for the weather of that server's place. */
function startServer(name: string): { readonly url: string; close(): Promise<void> } {
  const tools = Array.from({ length: perServer }, (_, at) => ({
    name: at === 0 ? 'weather' : `job_${at}`,
    description: at === 0 ? `Tells the weather for ${name}.` : `Does job ${at}. ${'It is a long job. '.repeat(100)}`,
    inputSchema: { type: 'object' as const, properties: { place: { type: 'string' } } },
  }))
  const handler = createMcpHandler(() => {
    const server = new Server({ name, version: '1' }, { capabilities: { tools: {} } })
    server.setRequestHandler('tools/list', () => ({ tools }))
    server.setRequestHandler('tools/call', ({ params }) => ({
      content: [{ type: 'text', text: `${name} ran ${params.name}` }],
    }))
    return server
  })
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: (request) => handler.fetch(request) })
  return { url: `http://127.0.0.1:${server.port}/mcp`, close: () => server.stop(true) }
}

type Call = readonly [name: string, args: object]

/** The model calls these tools, one in each round, and then says what the last result was. */
let plan: readonly Call[] = []

function reply({ messages, stream }: EmulatedChat): Script {
  const round = messages.length - 1 - messages.findLastIndex(({ role }) => role === 'user')
  const call = plan[Math.ceil(round / 2)]
  const message = call
    ? {
        tool_calls: [
          {
            index: 0,
            id: `c${messages.length}`,
            type: 'function',
            function: { name: call[0], arguments: JSON.stringify(call[1]) },
          },
        ],
      }
    : { content: `Done: ${String(messages.at(-1)?.content)}` }
  const choice = { index: 0, finish_reason: call ? 'tool_calls' : 'stop' }
  const about = { id: 'x', created: 1, model: 'm' }
  const json = stream
    ? { ...about, choices: [{ ...choice, delta: { role: 'assistant', ...message } }] }
    : { ...about, choices: [{ ...choice, message: { role: 'assistant', content: null, ...message } }] }
  const text = JSON.stringify(json)
  if (stream) return { body: [sseData(text), sseData('[DONE]')] }
  return { body: [text], headers: { 'content-type': 'application/json' } }
}

let model: OpenaiEmulator
let rig: ChatServerRig
const tools = servers.map(startServer)
beforeAll(async () => {
  model = await emulateOpenai({ models: ['m'], reply })
  rig = startChatServer({
    UPSTREAM_LAB_URL: model.url,
    UPSTREAM_LAB_MODELS: 'm',
    OPENAI_BASE_URL: model.url,
    OPENAI_API_KEY: 'sk-of-the-test',
    OPENAI_MODELS: 'm',
    CHAT_MODEL: 'lab/m',
    ...mcpServers(Object.fromEntries(servers.map((name, at) => [name, { url: tools[at]?.url }]))),
  })
})
afterAll(async () => {
  await rig[Symbol.asyncDispose]()
  await model.close()
  await Promise.all(tools.map((server) => server.close()))
})

interface SentTool {
  readonly function: { readonly name: string; readonly description: string; readonly parameters: object }
}
const sentIn = (chat: unknown): readonly SentTool[] => JSON.parse(JSON.stringify(chat ?? {})).tools ?? []
const namesIn = (chat: unknown) => sentIn(chat).map((tool) => tool.function.name)

async function complete(body: object, calls: readonly Call[]) {
  plan = calls
  const from = model.chats.length
  const messages = [{ role: 'user', content: 'Hello' }]
  const response = await fetch(`${rig.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'lab/m:tools', messages, ...body }),
  })
  const answer = await response.json()
  return { response, answer, chats: model.chats.slice(from) }
}

const search = (query: string, more: object = {}): Call => ['find_tool', { query, ...more }]
const weather = (server: string): Call => [`${server}__weather`, { place: 'here' }]

describe('a model with :tools', () => {
  test('finds a tool among two hundred, and calls it', async () => {
    const { response, answer, chats } = await complete({}, [search('weather in the city'), weather('city')])
    expect(answer).toMatchObject({ choices: [{ message: { content: expect.stringContaining('city ran weather') } }] })
    expect(chats.map(namesIn)[0]).toEqual(['find_tool'])
    expect(chats.map(namesIn)[1]).toEqual(['find_tool', 'city__weather', ...namesIn(chats[1]).slice(2)])
    expect(response.headers.get('x-tributary-tools-searched')).toBe('201')
    expect(response.headers.get('x-tributary-tools-omitted')).toBeNull()
    const line = rig.lines.map((text) => JSON.parse(text)).findLast(({ msg }) => msg === 'chat')
    expect(line).toMatchObject({ tools: ['find_tool', 'city__weather'], toolsSearched: 201 })
  })

  test('is told which servers there are, and that a search found nothing', async () => {
    const { answer, chats } = await complete({}, [search('zebra')])
    expect(sentIn(chats[0])[0]?.function.description).toContain('files (50), mail (50), city (50), shop (50)')
    expect(JSON.stringify(answer)).toContain('No tool fits. Try other words.')
    expect(chats.map(namesIn)).toEqual([['find_tool'], ['find_tool']])
  })

  test('gets what it finds after what it has, in the same form each time', async () => {
    const { chats } = await complete({}, [
      search('weather mail', { limit: 1 }),
      search('weather shop', { limit: 1 }),
      search('weather mail', { limit: 1 }),
    ])
    expect(chats.map(namesIn)).toEqual([
      ['find_tool'],
      ['find_tool', 'mail__weather'],
      ['find_tool', 'mail__weather', 'shop__weather'],
      ['find_tool', 'mail__weather', 'shop__weather'],
    ])
    for (const [at, chat] of chats.entries()) {
      const earlier = sentIn(chats[at - 1])
      expect(sentIn(chat).slice(0, earlier.length)).toEqual(at === 0 ? [] : [...earlier])
    }
  })

  test('may call a tool whose name it knows, and a forced one is there at once', async () => {
    const known = await complete({}, [weather('files')])
    expect(JSON.stringify(known.answer)).toContain('files ran weather')
    expect(known.chats.map(namesIn)).toEqual([['find_tool'], ['find_tool', 'files__weather']])
    const choice = { type: 'function', function: { name: 'shop__weather' } }
    const forced = await complete({ tool_choice: choice }, [weather('shop')])
    expect(namesIn(forced.chats[0])).toEqual(['find_tool', 'shop__weather'])
  })

  test('keeps the client’s own tools, also one with the same name', async () => {
    const own = ['find_tool', 'mine'].map((name) => ({ type: 'function', function: { name } }))
    const { chats, answer } = await complete({ tools: own }, [
      ['builtin__find_tool', { query: 'weather' }],
      ['mine', {}],
    ])
    expect(namesIn(chats[0])).toEqual(['find_tool', 'mine', 'builtin__find_tool'])
    expect(namesIn(chats[1]).slice(3, 4)).toEqual([expect.stringMatching(/__weather$/)])
    expect(answer).toMatchObject({ choices: [{ finish_reason: 'tool_calls' }] })
  })

  test('gets no more tools and no longer descriptions than its upstream takes', async () => {
    const own = Array.from({ length: 124 }, (_, at) => ({ type: 'function', function: { name: `own${at}` } }))
    const { chats, answer } = await complete({ model: 'openai/m:tools', tools: own }, [search('job', { limit: 20 })])
    expect(chats.map((chat) => namesIn(chat).length)).toEqual([125, 128])
    for (const tool of sentIn(chats[1])) expect((tool.function.description ?? '').length).toBeLessThanOrEqual(1024)
    expect(JSON.stringify(answer)).toContain('Only the first 3 new ones can be offered')
  })

  test('gets a list of a server whose tools are few enough', async () => {
    const { response, chats } = await complete({ model: 'lab/m', tools: [{ type: 'mcp', server_label: 'mail' }] }, [])
    expect(namesIn(chats[0])).toHaveLength(50)
    expect(response.headers.get('x-tributary-tools-searched')).toBeNull()
  })
})

test('in the chat server, what was found and called stays for the next turn, in the same order', async () => {
  const from = model.chats.length
  plan = [search('weather shop', { limit: 1 }), weather('files'), search('weather mail', { limit: 1 })]
  await askChatServer(rig.url, { session_id: 'long', content: 'Hello' })
  const first = model.chats.slice(from)
  plan = []
  await askChatServer(rig.url, { session_id: 'long', content: 'And now?' })
  expect(namesIn(first.at(-1))).toEqual(['find_tool', 'shop__weather', 'files__weather', 'mail__weather'])
  expect(sentIn(model.chats.at(-1))).toEqual([...sentIn(first.at(-1))])
})

test('each round and each turn of a session begins with all that was sent before, so that the prompt cache is used', async () => {
  const from = model.chats.length
  for (const [turn, calls] of [
    [search('weather shop', { limit: 1 }), weather('shop')],
    [weather('shop')],
    [],
    [search('weather mail', { limit: 1 }), weather('mail')],
  ].entries()) {
    plan = calls
    await askChatServer(rig.url, { session_id: 'cached', content: `Question ${turn}` })
  }
  const sent = model.chats.slice(from)
  expect(sent.length).toBe(3 + 2 + 1 + 3)
  for (const [at, { messages, tools: offered, ...settings }] of sent.entries()) {
    const earlier = sent[at - 1]
    if (!earlier) continue
    const { messages: before, tools: _, ...others } = earlier
    expect(JSON.stringify(messages)).toStartWith(JSON.stringify(before).slice(0, -1))
    expect(JSON.stringify(settings)).toBe(JSON.stringify(others))
    // what a search finds is added at the end
    expect(JSON.stringify(offered)).toStartWith(JSON.stringify(sentIn(earlier)).slice(0, -1))
  }
})
