import { afterEach, describe, expect, test } from 'bun:test'
import { ChatError } from '../src/chat/error.ts'
import type { ChatEvent } from '../src/chat/event.ts'
import { textOf } from '../src/chat/message.ts'
import { formatOutput } from '../src/chat/tool-output.ts'
import { Environment } from '../src/config/environment.ts'
import type { RawVariables } from '../src/config/spelled-values.ts'
import { Conversations } from '../src/conversations/conversations.ts'
import { faultIn } from '../src/conversations/fault-in.ts'
import type { OpenTurn } from '../src/conversations/open-turn.ts'
import { encodeRequest } from '../src/dialects/openai-chat/encode-request.ts'
import { Attempts } from '../src/flow/attempts.ts'
import { newReceipt } from '../src/flow/call.ts'
import type { Cancel } from '../src/flow/cancel.ts'
import { events as eventsOf } from '../src/flow/flow.ts'
import { Fold, fold } from '../src/flow/fold.ts'
import { openLoneGateway } from '../src/gateway/gateway.double.ts'
import { isChatEvent, type LoopEvent } from '../src/gateway/tool-loop/events.ts'
import { toolLimits } from '../src/gateway/tool-loop/limits.ts'
import { runTools } from '../src/gateway/tool-loop/run-tools.ts'
import { createRegistry, createTool } from '../src/gateway/tool-loop/tools.double.ts'
import { cohereEvent, emulateCohere } from '../src/providers/cohere/emulator/index.ts'
import { provider as cohere } from '../src/providers/cohere/index.ts'
import { emulateMistral } from '../src/providers/mistral/emulator/index.ts'
import { provider as mistral } from '../src/providers/mistral/index.ts'
import { emulateOpenai } from '../src/providers/openai-compatible/emulator/index.ts'
import { provider as openai } from '../src/providers/openai-compatible/index.ts'
import type { Provider } from '../src/providers/provider.ts'
import { MemoryStore } from '../src/state/memory/memory-store.ts'
import type { ToolRegistry } from '../src/tools/tool.ts'
import type { HttpEmulator } from '../src/wire/emulator/http.ts'
import type { Script } from '../src/wire/emulator/script.ts'
import { machine, newCancel } from '../src/wire/machine.double.ts'
import { sseData } from '../src/wire/sse.ts'
import { startGateway, upstreamAt } from './chaos/gateway.ts'
import { newCall, recordLog } from './laws/ask.ts'
import { requestFor } from './laws/http-rig.ts'
import { partFaultIn } from './laws/part-order.ts'
import { until, within } from './waiting.ts'

/** Returns the number of the round: the count of the model's answers in the request. */
const roundOf = (messages: readonly { readonly role?: unknown }[]) =>
  messages.filter(({ role }) => role === 'assistant').length + 1
const cities = ['Paris', 'Rome']
/** The calls of a round; undefined in the last round, which has none. */
const callsOf = (round: number) => (round <= 3 ? ['weather__now', 'weather__later'] : [])

/** A round in OpenAI's dialect. Every round has the same ids, as with servers that count within a reply. */
function openaiRound(round: number, stream: boolean): Script {
  const calls = callsOf(round).map((name, index) => ({
    index,
    id: `call0000${index}`,
    type: 'function',
    function: { name, arguments: JSON.stringify({ city: cities[index], round }) },
  }))
  const reason = calls.length > 0 ? 'tool_calls' : 'stop'
  const content = calls.length > 0 ? `Round ${round}.` : 'All is known.'
  const about = { id: 'chatcmpl-x', created: 1_760_000_000, model: 'm' }
  const usage = { prompt_tokens: 10 * round, completion_tokens: round, total_tokens: 11 * round }
  if (!stream) {
    const message = {
      role: 'assistant',
      content,
      ...(calls.length > 0 && { tool_calls: calls.map(({ index: _, ...call }) => call) }),
    }
    const body = { ...about, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: reason }], usage }
    return { headers: { 'content-type': 'application/json' }, body: [JSON.stringify(body)] }
  }
  const chunk = (delta: object, finish: string | null = null, more: object = {}) =>
    sseData(
      JSON.stringify({
        ...about,
        object: 'chat.completion.chunk',
        choices: [{ index: 0, delta, finish_reason: finish }],
        ...more,
      }),
    )
  const deltas = [{ role: 'assistant', content }, ...calls.map((call) => ({ tool_calls: [call] }))]
  return { body: [...deltas.map((delta) => chunk(delta)), chunk({}, reason, { usage }), sseData('[DONE]')] }
}

/** A round in Cohere's dialect. */
function cohereRound(round: number): Script {
  const calls = callsOf(round)
  const said = (type: string, message: object, more: object = {}) => cohereEvent({ type, ...more, delta: { message } })
  const callEvents = calls.flatMap((name, index) => [
    said(
      'tool-call-start',
      { tool_calls: { id: `${name}_1`, type: 'function', function: { name, arguments: '' } } },
      { index },
    ),
    said(
      'tool-call-delta',
      { tool_calls: { function: { arguments: JSON.stringify({ city: cities[index], round }) } } },
      { index },
    ),
    cohereEvent({ type: 'tool-call-end', index }),
  ])
  const textEvents = [
    said('content-start', { content: { type: 'text', text: '' } }, { index: 0 }),
    said('content-delta', { content: { text: 'All is known.' } }, { index: 0 }),
    cohereEvent({ type: 'content-end', index: 0 }),
  ]
  const reason = calls.length > 0 ? 'TOOL_CALL' : 'COMPLETE'
  const usage = { tokens: { input_tokens: 10 * round, output_tokens: round } }
  return {
    body: [
      said(
        'message-start',
        { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] },
        { id: 'x' },
      ),
      ...(calls.length > 0 ? [said('tool-plan-delta', { tool_plan: `Round ${round}.` }), ...callEvents] : textEvents),
      cohereEvent({ type: 'message-end', id: 'x', delta: { finish_reason: reason, usage } }),
    ],
  }
}

interface Rig {
  readonly emulator: HttpEmulator & { readonly chats: readonly { readonly [field: string]: unknown }[] }
  readonly provider: Provider
  readonly variables: RawVariables
  readonly model: string
}

type Reply = (round: number, stream: boolean) => Script

const messagesIn = (chat: { readonly [field: string]: unknown }): { readonly role?: unknown }[] =>
  Array.isArray(chat.messages) ? chat.messages : []

/** Starts every upstream that can call tools. @param hang the script that replaces the last round */
const rigs: Readonly<Record<string, (alter?: (round: number) => Script | undefined) => Promise<Rig>>> = {
  async 'openai-compatible'(alter = () => undefined) {
    const reply: Reply = (round, stream) => alter(round) ?? openaiRound(round, stream)
    const emulator = await emulateOpenai({ reply: (chat) => reply(roundOf(chat.messages), chat.stream ?? false) })
    return { emulator, provider: openai, variables: { UPSTREAM_LAB_URL: emulator.url }, model: 'lab/m' }
  },
  async mistral(alter = () => undefined) {
    const reply: Reply = (round, stream) => alter(round) ?? openaiRound(round, stream)
    const emulator = await emulateMistral({ reply: (chat) => reply(roundOf(messagesIn(chat)), chat.stream === true) })
    const variables = { MISTRAL_TOKEN: 'a-mistral-token', MISTRAL_BASE_URL: emulator.origin }
    return { emulator, provider: mistral, variables, model: 'mistral/mistral-small-latest' }
  },
  async cohere(alter = () => undefined) {
    const emulator = await emulateCohere({
      reply: ({ messages }) => alter(roundOf(messages)) ?? cohereRound(roundOf(messages)),
    })
    const variables = { COHERE_TOKEN: 'a-cohere-token', COHERE_BASE_URL: emulator.origin }
    return { emulator, provider: cohere, variables, model: 'cohere/command-test' }
  },
}

const opened: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

const weather = (name: string) =>
  createTool(name, (args, { onChunk }) => {
    onChunk('looking')
    return `${name} ${JSON.stringify(args)}`
  })
const registry = createRegistry(weather('weather__now'), weather('weather__later'))
const deadlines = { firstEventMs: 10_000, wholeMs: 10_000, idleMs: 10_000 }

function gatewayOver({ emulator, provider, variables }: Rig) {
  const upstreams = provider.configure(new Environment(variables))
  const gateway = openLoneGateway({
    runtime: machine,
    upstreams,
    deadlines,
    store: new MemoryStore({ runtime: machine }),
    threadTtlMs: 60_000,
    maxCalls: 10,
    tools: { registry, limits: toolLimits },
    log: recordLog(),
  })
  opened.push(emulator, gateway)
  return gateway
}

for (const [name, start] of Object.entries(rigs))
  describe(`three rounds of two tools each, by ${name}`, () => {
    test('give the right events', async () => {
      const rig = await start()
      const { chat } = gatewayOver(rig)
      const run = runTools({ chat, registry, limits: toolLimits })
      const events: LoopEvent[] = []
      for await (const event of eventsOf(run(requestFor(rig.model), newCall()))) events.push(event)
      const results = events.flatMap((event) => (event.type === 'tool-result' ? [event.content] : []))
      expect(results.toSorted()).toEqual(
        [1, 2, 3]
          .flatMap((round) => [
            `weather__later {"city":"Rome","round":${round}}`,
            `weather__now {"city":"Paris","round":${round}}`,
          ])
          .toSorted(),
      )
      // a round has its text, its calls, and for each call its output before its result, in any order of the calls
      expect(partFaultIn(events.filter(isChatEvent))).toBeUndefined()
      const looped = events.filter(({ type }) => !['text', 'reasoning', 'part-end'].includes(type))
      const calls = [...new Set(events.flatMap((event) => (event.type === 'tool-result' ? [event.toolCallId] : [])))]
      for (const id of calls) {
        const ofCall = looped.flatMap((event) => ('toolCallId' in event && event.toolCallId === id ? [event.type] : []))
        expect(ofCall).toEqual(['tool-output', 'tool-result'])
      }
      const rounds = looped.map(({ type }) => type.replace(/^tool-(output|result)$/, 'tool'))
      expect(rounds).toEqual([...[1, 2, 3].flatMap(() => ['tool-calls', ...Array(4).fill('tool')]), 'finish', 'usage'])
      expect(events.at(-1)).toMatchObject({ usage: { inputTokens: 100, outputTokens: 10 } })
      const ids = events.flatMap((event) => (event.type === 'tool-calls' ? event.calls.map(({ id }) => id) : []))
      expect(new Set(ids).size).toBe(6)
      expect(rig.emulator.chats).toHaveLength(4)
      expect(messagesIn(rig.emulator.chats[3] ?? {}).map(({ role }) => role)).toEqual([
        'user',
        ...[1, 2, 3].flatMap(() => ['assistant', 'tool', 'tool']),
      ])
      const told = formatOutput({ content: 'weather__now {"city":"Paris","round":3}', isError: false })
      expect(JSON.stringify(rig.emulator.chats[3])).toContain(JSON.stringify(told).slice(1, -1))
    })

    for (const stream of [true, false])
      test(`give one answer to a client that asks for tools ${stream ? 'with' : 'without'} streaming`, async () => {
        const rig = await start()
        const { chat } = gatewayOver(rig)
        const call = { ...newCall(), attempts: new Attempts(), receipt: newReceipt() }
        const request = { ...requestFor(`${rig.model}:tools`), stream }
        const { choices, usage } = await fold(chat(request, call))
        expect(choices).toMatchObject([{ finish: 'stop' }])
        const parts = choices[0]?.parts ?? []
        expect(parts.some(({ type }) => type === 'tool-call')).toBe(false)
        expect(textOf(parts)).toEndWith('All is known.')
        expect(usage).toMatchObject({ inputTokens: 100, outputTokens: 10, source: 'upstream' })
        expect(call.receipt.attempts).toBe(4)
      })

    test('aborted in the third round, close the upstream connection', async () => {
      const rig = await start((round) => (round === 3 ? { ending: 'stall' } : undefined))
      const { chat } = gatewayOver(rig)
      const controller = newCancel()
      const reading = fold(chat(requestFor(`${rig.model}:tools`), newCall(controller))).catch((thrown) => thrown)
      await until(() => rig.emulator.chats.length === 3, 20_000, 'the third round')
      // the connection of the list of models stays open
      const before = rig.emulator.openConnections()
      const reason = new ChatError('cancelled', { message: 'gone' })
      controller.abort(reason)
      expect(await within(reading, 250, 'the end')).toBe(reason)
      await until(() => rig.emulator.openConnections() < before, 250, 'the end of the connection')
    })
  })

describe('POST /v1/chat/completions', () => {
  async function start() {
    const calls = {
      role: 'assistant',
      content: 'Let me look.',
      tool_calls: [call('builtin__current_time', '{"timezone":"UTC"}')],
    }
    const emulator = await emulateOpenai({
      reply: ({ messages }) =>
        openaiScript(roundOf(messages) === 1 ? calls : { role: 'assistant', content: 'It is late.' }),
    })
    const gateway = startGateway(upstreamAt('lab', emulator.url))
    opened.push(emulator, gateway)
    const post = (body: object) =>
      fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ messages: [{ role: 'user', content: 'How late is it?' }], ...body }),
      })
    return { emulator, post }
  }
  const call = (name: string, args: string) => ({
    index: 0,
    id: 'call_1',
    type: 'function',
    function: { name, arguments: args },
  })
  const openaiScript = (delta: {
    readonly role: string
    readonly content: string
    readonly tool_calls?: unknown
  }): Script => {
    const chunk = (choice: object) =>
      sseData(JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [choice] }))
    const reason = delta.tool_calls ? 'tool_calls' : 'stop'
    return {
      body: [chunk({ index: 0, delta }), chunk({ index: 0, delta: {}, finish_reason: reason }), sseData('[DONE]')],
    }
  }

  for (const [how, body] of [
    ['by the model’s suffix', { model: 'lab:tools' }],
    [
      'by a tool of type mcp',
      { model: 'lab', tools: [{ type: 'mcp', server_label: 'builtin', require_approval: 'never' }] },
    ],
  ] as const)
    test(`a client that asks for tools ${how} reads one answer`, async () => {
      const { emulator, post } = await start()
      const answer = await (await post({ ...body, stream: true })).text()
      const frames = answer.split('\n\n').filter((frame) => frame !== '')
      expect(frames.at(-1)).toBe('data: [DONE]')
      const choices = frames.slice(0, -1).map((frame) => JSON.parse(frame.slice('data: '.length)).choices[0])
      expect(choices.map(({ delta }) => delta.content ?? '').join('')).toBe('Let me look.\n\nIt is late.')
      expect(choices.flatMap(({ finish_reason: reason }) => reason ?? [])).toEqual(['stop'])
      expect(answer).not.toContain('tool_calls')
      const told = messagesIn(emulator.chats[1] ?? {}).at(-1)
      expect(told).toMatchObject({
        role: 'tool',
        tool_call_id: 'call_1',
        content: expect.stringMatching(/\d{4}-\d\d-\d\d/),
      })
    })

  test('a client’s own tool server is refused with the name of the member', async () => {
    const { emulator, post } = await start()
    const response = await post({
      model: 'lab',
      tools: [{ type: 'mcp', server_label: 'builtin', server_url: 'http://127.0.0.1:1/' }],
    })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { param: 'tools[0].server_url', code: 'invalid_value' } })
    expect(emulator.chats).toEqual([])
  })
})

describe('a session with the tool loop', () => {
  const whose = { client: 'law', session: 's' }
  const patience = { wait: false, signal: newCancel() }

  /** Runs the loop as a surface does: each event is stored before the next one is read. */
  async function keep(turn: OpenTurn, events: AsyncIterable<LoopEvent>, signal: Cancel): Promise<void> {
    let said = new Fold({ maxCharacters: 100_000 })
    try {
      for await (const event of events) {
        if (isChatEvent(event)) said.add(event)
        if (event.type === 'tool-result') await turn.addResult(event)
        if (event.type !== 'tool-calls') continue
        await turn.addCalls(event)
        said = new Fold({ maxCharacters: 100_000 })
      }
      await turn.end('completed', { message: said.message() })
    } catch {
      await turn.end(signal.aborted ? 'cancelled' : 'failed', { message: said.message() })
    } finally {
      await turn.close()
    }
  }

  test('has the history that the model got, and works again after an abort while tools run', async () => {
    const rig = await rigs['openai-compatible']?.()
    if (!rig) throw new Error('there is no rig')
    const { chat } = gatewayOver(rig)
    const conversations = new Conversations({
      runtime: machine,
      store: new MemoryStore({ runtime: machine }),
      ttlMs: 60_000,
    })
    const ask = async (content: string, tools: ToolRegistry, controller = newCancel()) => {
      const opened = await conversations.open(whose, { model: rig.model, content }, patience)
      if (opened.kind === 'answered') throw new Error('it was answered before')
      const request = { ...requestFor(rig.model), messages: opened.turn.messages() }
      const run = runTools({ chat, registry: tools, limits: toolLimits })
      await keep(opened.turn, eventsOf(run(request, newCall(controller))), controller)
    }
    const controller = newCancel()
    const hanging = createTool('weather__later', (_, { signal }) => {
      controller.abort(new ChatError('cancelled', { message: 'gone' }))
      return new Promise<never>((_, reject) => signal.onAbort(() => reject(signal.reason)))
    })
    await ask('first', createRegistry(weather('weather__now'), hanging), controller)
    const first = (await conversations.messages(whose, 100)) ?? []
    expect(first.map(({ role, status }) => `${role} ${status}`).slice(0, 2)).toEqual([
      'user completed',
      'assistant completed',
    ])
    expect(first.at(-1)).toMatchObject({ role: 'assistant', status: 'cancelled' })
    expect(first.filter((message) => message.role === 'tool' && message.isError)).not.toEqual([])
    await ask('second', registry)
    // the last round got exactly this history
    const opened = await conversations.open(whose, { model: rig.model, content: 'third' }, patience)
    if (opened.kind === 'answered') throw new Error('it was answered before')
    const kept = encodeRequest({ ...requestFor('m'), messages: opened.turn.messages() }).messages
    const told = messagesIn(rig.emulator.chats.at(-1) ?? {})
    expect(Array.isArray(kept) ? kept.slice(0, told.length) : []).toEqual(told)
    expect(faultIn(opened.turn.messages())).toBeUndefined()
    await opened.turn.close()
    // the connection of the chats and the connection of the list of models stay open
    expect(rig.emulator.openConnections()).toBeLessThanOrEqual(2)
  })
})

test('the output of a tool cannot break a client’s SSE or JSON', async () => {
  const rig = await rigs['openai-compatible']?.((round) => (round > 1 ? openaiRound(4, true) : undefined))
  if (!rig) throw new Error('there is no rig')
  const { chat } = gatewayOver(rig)
  const evil = '\r\n\r\ndata: [DONE]\n\nevent: error\u2028\u0000"}]}'
  const run = runTools({ chat, registry: createRegistry(createTool('weather__now', () => evil)), limits: toolLimits })
  const events: (ChatEvent | LoopEvent)[] = []
  for await (const event of eventsOf(run(requestFor(rig.model), newCall()))) events.push(event)
  expect(events.find((event) => event.type === 'tool-result' && event.name === 'weather__now')).toMatchObject({
    content: evil,
  })
  // the upstream got one message, which parses to the same text
  const tool = messagesIn(rig.emulator.chats[1] ?? {}).find(({ role }) => role === 'tool')
  expect(tool).toMatchObject({ content: formatOutput({ content: evil, isError: false }) })
})
